import type { ModuleLayout } from "./layout.ts";

/** What a module seems to be written in and with; `undefined` where nothing shows. No field of the format says it for certain. */
export interface Toolchain {
  readonly language: string | undefined;
  readonly sdk: string | undefined;
}

/** AssemblyScript keeps its strings in UTF-16, among them the names of its library's files. */
const ASSEMBLYSCRIPT = Buffer.from("~lib/", "utf16le");

/** By what an SDK leaves in a module: paths in messages of panics, names of packages. */
const SDKS: ReadonlyArray<readonly [sdk: string, trace: RegExp]> = [
  ["proxy-wasm-go-sdk", /github\.com\/(?:proxy-wasm|tetratelabs)\/proxy-wasm-go-sdk/],
  ["proxy-wasm (Rust crate)", /proxy-wasm(?:-\d[\w.]*)?\/src\/(?:dispatcher|hostcalls|traits)\.rs/],
  ["proxy-wasm-cpp-sdk", /proxy_wasm_intrinsics|_ZN?\d*11ContextBase/],
];

/** Reads what compilers and SDKs leave in a module. */
export function readToolchain(bytes: Uint8Array, layout: ModuleLayout, exports: ReadonlySet<string>): Toolchain {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const latin1 = text.toString("latin1");
  const isAssemblyScript = text.includes(ASSEMBLYSCRIPT) && Object.keys(layout.producers).length === 0;
  const [producer] = layout.producers["language"] ?? [];
  const compilers = (layout.producers["processed-by"] ?? []).join(" ");
  const language =
    producer ??
    (isAssemblyScript
      ? "AssemblyScript"
      : /tinygo/i.test(latin1)
        ? "Go (TinyGo)"
        : /clang|emscripten/i.test(compilers)
          ? "C or C++"
          : undefined);
  // The only SDK whose modules export this one, which Envoy knows and the specification does not.
  const fromAssemblyScript = isAssemblyScript && exports.has("proxy_validate_configuration") ? "proxy-wasm-sdk-as" : undefined;
  return { language, sdk: SDKS.find(([, trace]) => trace.test(latin1))?.[0] ?? fromAssemblyScript };
}
