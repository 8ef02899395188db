import { HostError } from "../errors.ts";
import type { WasmModule } from "../module.ts";
import type { Vm } from "../vm.ts";
import { wasiCalls } from "../wasi.ts";
import { bufferCalls } from "./buffer.ts";
import { foreignCalls } from "./foreign-function.ts";
import { grpcCalls } from "./grpc.ts";
import { headerMapCalls } from "./header-map.ts";
import type { Hostcall } from "./hostcall.ts";
import { httpCalls } from "./http-call.ts";
import { logCalls } from "./log.ts";
import { metricCalls } from "./metrics.ts";
import { propertyCalls } from "./property.ts";
import { sharedDataCalls } from "./shared-data.ts";
import { sharedQueueCalls } from "./shared-queue.ts";
import { streamCalls } from "./stream.ts";
import { timeCalls } from "./time.ts";

/** Every hostcall under the name that modules import it by from `env`, for ABI 0.2.1 and the older ones. */
const PROXY_CALLS: ReadonlyMap<string, Hostcall> = new Map(
  [
    logCalls,
    propertyCalls,
    streamCalls,
    headerMapCalls,
    bufferCalls,
    httpCalls,
    grpcCalls,
    timeCalls,
    metricCalls,
    sharedDataCalls,
    sharedQueueCalls,
    foreignCalls,
  ]
    .flat()
    .map((call) => [call.name, call]),
);

const WASI_CALLS: ReadonlyMap<string, Hostcall> = new Map(wasiCalls.map((call) => [call.name, call]));

/** Emscripten asks for these two in `env`; no capability restricts them. */
const EMSCRIPTEN: Readonly<Record<string, (...words: number[]) => number | undefined>> = {
  pthread_equal: (left, right) => (left === right ? 1 : 0),
  emscripten_notify_memory_growth: () => undefined,
};

const INTERNAL_FAILURE = 10;
const WASI_NOTCAPABLE = 76;

/** Names of all hostcalls that a module of an ABI may import from `env`. */
export function hostcallNames(abi: WasmModule["abi"]): string[] {
  return [...PROXY_CALLS.values()].filter((call) => call.abi === undefined || call.abi.includes(abi)).map((call) => call.name);
}

/**
 * The import object of a module.
 *
 * @throws HostError `missing-import` for one that Envoy has not, `bad-signature` for one with other parameters or results.
 */
export function buildImports(vm: Vm, module: WasmModule): WebAssembly.Imports {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
  for (const { module: from, name, signature } of module.sections.imports) {
    const found = findImport(vm, module, from, name);
    if (found === undefined || signature === undefined) {
      throw new HostError(
        "missing-import",
        `${module.source}: Failed to load Wasm module due to a missing import: ${from}.${name}.${hint(from, name)}`,
      );
    }
    if (found.signature !== undefined && found.signature !== signature) {
      throw new HostError(
        "bad-signature",
        `${module.source}: Failed to load Wasm module due to an import type mismatch: ${from}.${name}, want: ${signature}, but host exports: ${found.signature}`,
      );
    }
    (imports[from] ??= {})[name] = found.implementation;
  }
  return imports;
}

/** What to do about an import that Envoy has not; begins with a space where there is something to say. */
export function hint(from: string, name: string): string {
  return from === "env" && ["abort", "seed", "trace"].includes(name)
    ? ` AssemblyScript asks for it by default: build with --use ${name}=.`
    : "";
}

interface Import {
  readonly implementation: (...words: never[]) => unknown;
  readonly signature: string | undefined;
}

function findImport(vm: Vm, module: WasmModule, from: string, name: string): Import | undefined {
  if (isEmscripten(from, name)) return { implementation: EMSCRIPTEN[name] as Import["implementation"], signature: undefined };
  const call = findHostcall(module.abi, from, name);
  if (call === undefined) return undefined;
  const implementation = vm.isAllowed(name) ? bind(vm, call) : denied(vm, name, isWasi(from));
  return { implementation, signature: call.signature };
}

/** What a module of an ABI gets for an import; `undefined` where Envoy has nothing of that name. */
export function findHostcall(abi: WasmModule["abi"], from: string, name: string): Hostcall | undefined {
  const call = isWasi(from) ? WASI_CALLS.get(name) : from === "env" ? PROXY_CALLS.get(name) : undefined;
  return call?.abi === undefined || call.abi.includes(abi) ? call : undefined;
}

/** Whether an import is one of those that Emscripten asks for, which no capability restricts. */
export function isEmscripten(from: string, name: string): boolean {
  return from === "env" && Object.hasOwn(EMSCRIPTEN, name);
}

function isWasi(from: string): boolean {
  return from === "wasi_snapshot_preview1" || from === "wasi_unstable";
}

function denied(vm: Vm, name: string, isWasi: boolean): Import["implementation"] {
  return () => {
    vm.worker.host.logs.write(4, `Attempted call to restricted ${isWasi ? "WASI" : "proxy-wasm"} capability: ${name}`, "host", "");
    return isWasi ? WASI_NOTCAPABLE : INTERNAL_FAILURE;
  };
}

// One closure for each arity: rest parameters would cost an array on each call.
function bind(vm: Vm, call: Hostcall): Import["implementation"] {
  const { name } = call;
  const run = call.run as (vm: Vm, ...words: number[]) => number;
  const { observer } = vm.worker.host;
  if (observer !== undefined) {
    return (...words: number[]) => {
      vm.guard(name);
      observer.hostcallStarted(vm, name, words);
      const result = run(vm, ...words);
      observer.hostcallEnded(vm, name, words, result);
      return result;
    };
  }
  switch (call.signature.split(" ->", 1)[0]?.match(/i32|i64/g)?.length ?? 0) {
    case 0:
      return () => (vm.guard(name), run(vm));
    case 1:
      return (a: number) => (vm.guard(name), run(vm, a));
    case 2:
      return (a: number, b: number) => (vm.guard(name), run(vm, a, b));
    case 3:
      return (a: number, b: number, c: number) => (vm.guard(name), run(vm, a, b, c));
    case 4:
      return (a: number, b: number, c: number, d: number) => (vm.guard(name), run(vm, a, b, c, d));
    case 5:
      return (a: number, b: number, c: number, d: number, e: number) => (vm.guard(name), run(vm, a, b, c, d, e));
    default:
      return (...words: number[]) => (vm.guard(name), run(vm, ...words));
  }
}
