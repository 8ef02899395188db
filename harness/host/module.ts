import { createHash } from "node:crypto";
import { HostError } from "./errors.ts";
import { readModuleFile } from "./module-file.ts";
import { readSections, type ModuleSections } from "./module-sections.ts";
import { seemingFormat } from "./seeming-format.ts";

/** The markers that Envoy knows. Each is an exported function without parameters. */
export type AbiVersion = "0.1.0" | "0.2.0" | "0.2.1";

/** In the order in which Envoy looks for them. */
export const MARKERS: ReadonlyArray<readonly [marker: string, version: AbiVersion]> = [
  ["proxy_abi_version_0_1_0", "0.1.0"],
  ["proxy_abi_version_0_2_0", "0.2.0"],
  ["proxy_abi_version_0_2_1", "0.2.1"],
];

/** A module that has been read and looks like one that Envoy would load; see {@link loadModule}. */
export interface WasmModule {
  readonly abi: AbiVersion;
  readonly sections: ModuleSections;
  readonly compiled: WebAssembly.Module;
  /** SHA-256 of the bytes, hexadecimal: part of the key of a VM. */
  readonly sha256: string;
  /** The path it was read from, else `<inline>`. */
  readonly source: string;
}

/** What a module asks of its host and offers to it, by name. */
export interface ModuleInspection {
  readonly abi: AbiVersion;
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly hasStartSection: boolean;
  readonly sha256: string;
}

// Compiling takes most of the time of a load, and tests load one module again and again.
const compiledModules = new Map<string, WebAssembly.Module>();
const COMPILED_MODULES_KEPT = 64;

/**
 * Reads a module from a path or from bytes.
 *
 * @throws HostError `not-wasm`: no valid WebAssembly. `missing-abi`: none of the `proxy_abi_version_*` markers. `missing-export`: neither
 * `malloc` nor `proxy_on_memory_allocate`, or no `memory` (which Envoy accepts, and dies of at the first request).
 */
export function loadModule(source: string | Uint8Array): WasmModule {
  const [bytes, name] = typeof source === "string" ? [readModuleFile(source), source] : [source, "<inline>"];
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const compiled = compile(bytes, name, sha256);
  const sections = readSections(bytes);
  const marker = MARKERS.find(([exported]) => sections.exports.has(exported));
  if (marker === undefined) {
    throw new HostError(
      "missing-abi",
      `${name}: Missing or unknown Proxy-Wasm ABI version. Export one of ${MARKERS.map(([exported]) => exported).join(", ")}.`,
    );
  }
  if (!sections.exports.has("malloc") && !sections.exports.has("proxy_on_memory_allocate")) {
    throw new HostError("missing-export", `${name}: Wasm module is missing malloc function. Export malloc or proxy_on_memory_allocate.`);
  }
  if (sections.exports.get("memory")?.kind !== "memory") {
    throw new HostError(
      "missing-export",
      `${name} exports no memory: Envoy would load it and end with SIGSEGV at the first request. Export its memory as "memory".`,
    );
  }
  return { abi: marker[1], sections, compiled, sha256, source: name };
}

/** What stands in a module, for a look at it; throws as {@link loadModule}. */
export function inspectModule(source: string | Uint8Array): ModuleInspection {
  const { abi, sections, sha256 } = loadModule(source);
  return {
    abi,
    imports: sections.imports.map((entry) => `${entry.module}.${entry.name}`),
    exports: [...sections.exports.keys()],
    hasStartSection: sections.hasStartSection,
    sha256,
  };
}

function compile(bytes: Uint8Array, name: string, sha256: string): WebAssembly.Module {
  const known = compiledModules.get(sha256);
  if (known !== undefined) return known;
  let compiled: WebAssembly.Module;
  try {
    compiled = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    const reason = `${seemingFormat(bytes)}: ${error instanceof Error ? error.message : String(error)}`;
    throw new HostError("not-wasm", `${name}: Failed to load Wasm bytecode: ${reason}`, { cause: error });
  }
  if (compiledModules.size >= COMPILED_MODULES_KEPT) compiledModules.delete(compiledModules.keys().next().value ?? "");
  compiledModules.set(sha256, compiled);
  return compiled;
}
