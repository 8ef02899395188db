import { createHash } from "node:crypto";
import { isEmscripten } from "../host/abi/index.ts";
import { CALLBACK_NAMES } from "../host/callbacks.ts";
import { HostError } from "../host/errors.ts";
import { MARKERS, type AbiVersion } from "../host/module.ts";
import { readSections } from "../host/module-sections.ts";
import { seemingFormat } from "../host/seeming-format.ts";
import { readLayout, type ModuleLayout } from "./layout.ts";
import { findProblems, type ModuleProblem } from "./problems.ts";
import { readToolchain, type Toolchain } from "./toolchain.ts";

export type { ModuleProblem } from "./problems.ts";

/** What a module is, needs and offers; see {@link examineModule}. */
export interface ModuleExamination extends Toolchain, ModuleLayout {
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  /** `undefined` where there is no marker that Envoy knows. */
  readonly abi: AbiVersion | undefined;
  /** As `env.proxy_log`, in the order of the module. */
  readonly imports: readonly string[];
  /** Functions and memories by name, in the order of the module. */
  readonly exports: readonly string[];
  /** Callbacks among them that Envoy calls. */
  readonly callbacks: readonly string[];
  /** The least that Envoy's `capability_restriction_config.allowed_capabilities` has to list: hostcalls, functions of WASI, callbacks. */
  readonly capabilities: readonly string[];
  readonly problems: readonly ModuleProblem[];
}

/**
 * Looks at a module without running it. Unlike `loadModule` it reports what Envoy would refuse, all of it, instead of throwing.
 *
 * @throws HostError `not-wasm` where the bytes are no valid core module; the message says what they seem to be instead
 */
export function examineModule(bytes: Uint8Array): ModuleExamination {
  try {
    // Only what the engine has validated is read below.
    new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    throw new HostError(
      "not-wasm",
      `${seemingFormat(bytes)}: ${error instanceof Error ? error.message.replace(/^WebAssembly\.Module\(\): /, "") : String(error)}`,
      {
        cause: error,
      },
    );
  }
  const sections = readSections(bytes);
  const layout = readLayout(bytes);
  const abi = MARKERS.find(([marker]) => sections.exports.has(marker))?.[1];
  const callbacks = CALLBACK_NAMES.filter((name) => sections.exports.get(name)?.kind === "func");
  const hostcalls = sections.imports.filter(({ module, name }) => !isEmscripten(module, name)).map(({ name }) => name);
  return {
    size: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    abi,
    ...readToolchain(bytes, layout, new Set(sections.exports.keys())),
    ...layout,
    imports: sections.imports.map(({ module, name }) => `${module}.${name}`),
    exports: [...sections.exports.keys()],
    callbacks,
    capabilities: [...new Set([...hostcalls, ...callbacks])].toSorted(),
    problems: findProblems(sections, layout, abi),
  };
}
