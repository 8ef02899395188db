import { findHostcall, hint, isEmscripten } from "../host/abi/index.ts";
import { CALLBACK_NAMES, callbackSignature, type CallbackName } from "../host/callbacks.ts";
import { MAX_MEMORY } from "../host/memory-limit.ts";
import { MARKERS, type AbiVersion } from "../host/module.ts";
import type { ModuleSections } from "../host/module-sections.ts";
import type { ModuleLayout } from "./layout.ts";

/** `error`: Envoy refuses the module, or dies of it. `warning`: it runs, and likely not as it is meant. */
export interface ModuleProblem {
  readonly level: "error" | "warning";
  readonly code: string;
  /** One sentence, and what to do. */
  readonly message: string;
}

/** Functions of WASI that Envoy answers without doing anything: there are no files, sockets or standard input behind a filter. */
const EMPTY_WASI = /^(?:path_|sock_|fd_(?:pread|read|readdir|filestat_|renumber))/;
/** What Go's and Rust's runtimes always import, and do not mind to be refused. */
const HARMLESS = new Set(["fd_read", "fd_filestat_get", "path_open", "path_filestat_get", "fd_readdir"]);

/** What would make Envoy refuse a module or die of it, as far as the module shows without being run. */
export function findProblems(sections: ModuleSections, { memory }: ModuleLayout, abi: AbiVersion | undefined): ModuleProblem[] {
  return [
    ...markers(sections, abi),
    ...missing(sections),
    ...tooLarge(memory),
    ...imports(sections, abi ?? "0.2.1"),
    ...callbacks(sections, abi ?? "0.2.1"),
  ];
}

function markers(sections: ModuleSections, abi: AbiVersion | undefined): ModuleProblem[] {
  const names = MARKERS.map(([name]) => name);
  if (abi !== undefined) return [];
  const other = [...sections.exports.keys()].find((name) => name.startsWith("proxy_abi_version_"));
  const found = other === undefined ? "none" : `${other}, which it does not know`;
  return [
    error(
      "missing-abi",
      `Envoy wants a marker of the ABI and finds ${found}: export one of ${names.join(", ")}, or use an SDK, which does`,
    ),
  ];
}

function missing({ exports, hasStartSection }: ModuleSections): ModuleProblem[] {
  const problems: ModuleProblem[] = [];
  if (!exports.has("malloc") && !exports.has("proxy_on_memory_allocate"))
    problems.push(error("missing-export", "Envoy cannot hand anything over: export malloc or proxy_on_memory_allocate"));
  if (exports.get("memory")?.kind !== "memory")
    problems.push(
      error(
        "missing-memory",
        'Envoy loads a module without an exported memory and ends with SIGSEGV at the first request: export it as "memory"',
      ),
    );
  if (hasStartSection)
    problems.push(
      warning(
        "start-section",
        "a hostcall in the start section ends Envoy with SIGSEGV: compile AssemblyScript with --exportStart _initialize",
      ),
    );
  if (!exports.has("_initialize") && exports.has("_start"))
    problems.push(
      warning(
        "command",
        "the module is a command (_start): what its main leaves on the stack is gone when callbacks come; build a reactor, which has _initialize",
      ),
    );
  return problems;
}

function tooLarge(memory: ModuleLayout["memory"]): ModuleProblem[] {
  if (memory === undefined || memory.initial <= MAX_MEMORY) return [];
  const message = `Envoy gives a module ${mebibytes(MAX_MEMORY)} of memory at most, and this one begins with ${mebibytes(memory.initial)}: link it with less`;
  return [error("memory-limit", message)];
}

function mebibytes(bytes: number): string {
  return `${bytes / 1024 ** 2} MiB`;
}

function imports(sections: ModuleSections, abi: AbiVersion): ModuleProblem[] {
  return sections.imports.flatMap(({ module, name, signature }): ModuleProblem[] => {
    if (isEmscripten(module, name)) return [];
    const call = findHostcall(abi, module, name);
    if (call === undefined || signature === undefined)
      return [error("missing-import", `Envoy has no ${module}.${name} for ABI ${abi}.${hint(module, name)}`)];
    if (call.signature !== signature)
      return [error("bad-signature", `${module}.${name} is imported as ${signature}; Envoy has it as ${call.signature}`)];
    if (module !== "env" && EMPTY_WASI.test(name) && !HARMLESS.has(name))
      return [warning("empty-wasi", `${module}.${name} does nothing in Envoy: there are no files or sockets behind a filter`)];
    return [];
  });
}

function callbacks(sections: ModuleSections, abi: AbiVersion): ModuleProblem[] {
  const problems: ModuleProblem[] = [];
  const known = new Set<string>(CALLBACK_NAMES);
  for (const [name, { kind, signature }] of sections.exports) {
    if (kind !== "func" || !name.startsWith("proxy_on_") || name === "proxy_on_memory_allocate") continue;
    if (!known.has(name)) problems.push(warning("unknown-callback", `Envoy never calls ${name}: it is no callback of the ABI`));
    else if (signature !== callbackSignature(abi, name as CallbackName))
      problems.push(
        error("bad-signature", `${name} is exported as ${signature}; Envoy wants ${callbackSignature(abi, name as CallbackName)}`),
      );
  }
  if (![...sections.exports.keys()].some((name) => known.has(name)))
    problems.push(warning("no-callback", "Envoy never calls the module: it exports no callback"));
  return problems;
}

function error(code: string, message: string): ModuleProblem {
  return { level: "error", code, message };
}

function warning(code: string, message: string): ModuleProblem {
  return { level: "warning", code, message };
}
