import { Status } from "./abi/enums.ts";
import { buildImports } from "./abi/index.ts";
import { findCallbacks, type CallbackName, type Callbacks, type WasmFunction } from "./callbacks.ts";
import type { Context } from "./context.ts";
import { HostError } from "./errors.ts";
import { limitMemory, memoryHint } from "./memory-limit.ts";
import { pairsSize, writePairs } from "./pairs.ts";
import { MetricIds } from "./metrics.ts";
import type { WasmModule } from "./module.ts";
import type { Timer } from "./clock.ts";
import type { Worker } from "./host.ts";

/** What makes VMs one and the same: plugins with equal values share a VM in each worker. */
export interface VmConfig {
  readonly vmId: string;
  readonly module: WasmModule;
  readonly configuration: Uint8Array;
  readonly environment: ReadonlyMap<string, string>;
  /** Hostcalls and callbacks that may be used; all where it is `undefined` or empty. */
  readonly allowedCapabilities: ReadonlySet<string> | undefined;
}

// What may be called while the module initialises itself and while it allocates: everything else is the trap `restricted_callback`.
const ALLOWED_IN_MALLOC = new Set(["proxy_log", "fd_write", "clock_time_get", "poll_oneoff"]);
const FORBIDDEN_AT_START = new Set(["fd_read", "fd_seek", "fd_close", "path_open", "path_filestat_get", "sched_yield", "proc_exit"]);

/** Traps a module that calls what it may not call now. */
class RestrictedCallback extends Error {}

/** One instance of a module, on one worker. Mirrors `WasmBase` of proxy-wasm-cpp-host. */
export class Vm {
  readonly worker: Worker;
  readonly config: VmConfig;
  readonly callbacks: Callbacks = {};
  readonly contexts = new Map<number, Context>();
  /** Root contexts by plugin key. */
  readonly roots = new Map<string, Context>();
  /** Roots whose `proxy_on_done` returned false: they live until `proxy_done`. */
  readonly pendingDone = new Map<string, Context>();
  readonly metrics: MetricIds;
  readonly timers = new Map<number, { period: number; timer: Timer | undefined }>();
  /** The context that the callback which runs now was called for. */
  current: Context | undefined;
  /** Chosen by `proxy_set_effective_context`; 0 is none. */
  effectiveId = 0;
  /** Set by a local response: what the callback returns no longer counts. */
  stopIteration = false;
  /** Why the VM is dead; `undefined` while it lives. */
  failure: HostError | undefined;

  // Views of the module's memory. They end when it grows: use them only after `refresh`.
  bytes = new Uint8Array(0);
  view = new DataView(new ArrayBuffer(0));

  private memory: WebAssembly.Memory | undefined;
  private malloc: WasmFunction | undefined;
  private restriction: "start" | "malloc" | undefined;
  private afterCall: Array<() => void> = [];
  private readonly onFailure: Array<() => void> = [];
  private lastContextId = 0;
  private lastCalloutIds = [0, 1, 2];

  constructor(worker: Worker, config: VmConfig) {
    this.worker = worker;
    this.config = config;
    this.metrics = new MetricIds(worker.host.metrics);
  }

  /** Instantiates the module and runs `_initialize` or `_start`. Throws HostError where Envoy would refuse the module. */
  initialize(vmContext: Context): void {
    const { module } = this.config;
    this.contexts.set(0, vmContext);
    this.current = vmContext;
    this.restriction = "start";
    limitMemory();
    try {
      const instance = new WebAssembly.Instance(module.compiled, buildImports(this, module));
      this.memory = instance.exports["memory"] as WebAssembly.Memory;
      this.refresh();
      const exports = instance.exports;
      this.malloc = (exports["malloc"] ?? exports["proxy_on_memory_allocate"]) as WasmFunction;
      Object.assign(
        this.callbacks,
        findCallbacks(module, exports, (name) => this.isAllowed(name)),
      );
      this.start(exports);
    } catch (error) {
      throw this.failed(error, `${module.source}: Failed to initialize Wasm code`);
    } finally {
      this.restriction = undefined;
      this.current = undefined;
    }
  }

  private start(exports: WebAssembly.Exports): void {
    const initialize = exports["_initialize"] as WasmFunction | undefined;
    if (initialize === undefined) {
      (exports["_start"] as WasmFunction | undefined)?.();
      return;
    }
    initialize();
    const main = exports["main"] as WasmFunction | undefined;
    if (main !== undefined) main(0, 0);
    else (exports["__main_void"] as WasmFunction | undefined)?.();
  }

  isAllowed(capability: string): boolean {
    const allowed = this.config.allowedCapabilities;
    return allowed === undefined || allowed.size === 0 || allowed.has(capability);
  }

  /** The context that a hostcall works on. One that is gone by now falls back to the one that was called. */
  context(): Context {
    const context = this.effectiveId === 0 ? this.current : (this.contexts.get(this.effectiveId) ?? this.current);
    if (context === undefined) throw new HostError("misuse", "a hostcall outside of any callback");
    return context;
  }

  /** Called first in every hostcall. */
  guard(name: string): void {
    if (this.restriction !== undefined) this.checkRestriction(name);
    if (this.memory?.buffer !== this.bytes.buffer) this.refresh();
  }

  private checkRestriction(name: string): void {
    if (this.memory === undefined) {
      throw new HostError(
        "would-crash-envoy",
        `${this.config.module.source} calls ${name} in its START section: Envoy ends with SIGSEGV. Build AssemblyScript with --exportStart _initialize.`,
      );
    }
    const allowed = this.restriction === "malloc" ? ALLOWED_IN_MALLOC.has(name) : name === "proxy_log" || isStartCall(name);
    if (!allowed) {
      const place = this.restriction === "malloc" ? "malloc" : "its start function";
      throw new RestrictedCallback(
        `restricted_callback: ${name} was called in ${place}, where only ${this.restriction === "malloc" ? [...ALLOWED_IN_MALLOC].join(", ") : "proxy_log and most of WASI"} may be called`,
      );
    }
  }

  get memorySize(): number {
    return this.memory?.buffer.byteLength ?? 0;
  }

  /** Brings the views up to date after the memory may have grown. */
  refresh(): void {
    const buffer = this.memory?.buffer ?? new ArrayBuffer(0);
    if (buffer === this.bytes.buffer) return;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Whether `size` bytes from `pointer` lie in the memory. Both may come signed from wasm. */
  inMemory(pointer: number, size: number): boolean {
    return (pointer >>> 0) + (size >>> 0) <= this.bytes.length;
  }

  /** Space in the module, by its own `malloc`; 0 where it gives none. */
  allocate(size: number): number {
    const saved = this.restriction;
    const context = this.current;
    this.restriction = "malloc";
    try {
      const pointer = (this.malloc?.(size) ?? 0) >>> 0;
      this.worker.host.observer?.allocated(this, size);
      this.refresh();
      return pointer !== 0 && pointer + size <= this.bytes.length ? pointer : 0;
    } finally {
      this.restriction = saved;
      this.current = context;
    }
  }

  setWord(pointer: number, word: number): boolean {
    const at = pointer >>> 0;
    if (at + 4 > this.bytes.length) return false;
    this.view.setUint32(at, word, true);
    return true;
  }

  setShort(pointer: number, value: number): boolean {
    const at = pointer >>> 0;
    if (at + 2 > this.bytes.length) return false;
    this.view.setUint16(at, value, true);
    return true;
  }

  setLong(pointer: number, value: bigint): boolean {
    const at = pointer >>> 0;
    if (at + 8 > this.bytes.length) return false;
    this.view.setBigUint64(at, BigInt.asUintN(64, value), true);
    return true;
  }

  /** A byte string out of the memory, which must hold it. */
  readString(pointer: number, size: number): string {
    return Buffer.from(this.bytes.buffer, pointer >>> 0, size >>> 0).toString("latin1");
  }

  /** A copy of bytes out of the memory, which must hold them. */
  readBytes(pointer: number, size: number): Uint8Array {
    return this.bytes.slice(pointer >>> 0, (pointer >>> 0) + (size >>> 0));
  }

  /** Hands a byte string to the module. Nothing is allocated for an empty one: pointer and size are 0. */
  returnString(text: string, pointerOut: number, sizeOut: number): number {
    let pointer = 0;
    if (text.length > 0) {
      pointer = this.allocate(text.length);
      if (pointer === 0) return Status.InvalidMemoryAccess;
      for (let i = 0; i < text.length; i++) this.bytes[pointer + i] = text.charCodeAt(i);
    }
    return this.setWord(pointerOut, pointer) && this.setWord(sizeOut, text.length) ? Status.Ok : Status.InvalidMemoryAccess;
  }

  returnBytes(bytes: Uint8Array, pointerOut: number, sizeOut: number): number {
    let pointer = 0;
    if (bytes.length > 0) {
      pointer = this.allocate(bytes.length);
      if (pointer === 0) return Status.InvalidMemoryAccess;
      this.bytes.set(bytes, pointer);
    }
    return this.setWord(pointerOut, pointer) && this.setWord(sizeOut, bytes.length) ? Status.Ok : Status.InvalidMemoryAccess;
  }

  returnPairs(names: readonly string[], values: readonly string[], pointerOut: number, sizeOut: number): number {
    if (names.length === 0) return this.returnString("", pointerOut, sizeOut);
    const size = pairsSize(names, values);
    const pointer = this.allocate(size);
    if (pointer === 0) return Status.InvalidMemoryAccess;
    writePairs(this.bytes, this.view, pointer, names, values);
    return this.setWord(pointerOut, pointer) && this.setWord(sizeOut, size) ? Status.Ok : Status.InvalidMemoryAccess;
  }

  /** Calls into the module. A trap ends the VM and gives 0; what a strict check found is thrown. Ends with {@link endCall}. */
  call(name: CallbackName, callback: WasmFunction, context: Context, a: number, b = 0, c = 0, d = 0, e = 0): number {
    const savedContext = this.current;
    const savedEffective = this.effectiveId;
    this.current = context;
    this.effectiveId = 0;
    this.worker.enter(this);
    const { observer } = this.worker.host;
    observer?.callbackStarted(this, name, context, [a, b, c, d, e]);
    let result = 0;
    try {
      return (result = (callback(a, b, c, d, e) ?? 0) >>> 0);
    } catch (error) {
      this.trapped(name, error);
      return 0;
    } finally {
      observer?.callbackEnded(this, name, result);
      this.worker.leave(this);
      this.current = savedContext;
      this.effectiveId = savedEffective;
    }
  }

  /** What was put off until the callback has returned: continuing, local responses (`DeferAfterCallActions`). */
  endCall(): void {
    this.stopIteration = false;
    while (this.afterCall.length > 0) this.afterCall.shift()?.();
  }

  after(action: () => void): void {
    this.afterCall.push(action);
  }

  private trapped(name: string, error: unknown): void {
    if (error instanceof HostError) throw error;
    const failure = this.failed(error, `Function: ${name} failed`);
    for (const listener of this.onFailure) listener();
    this.worker.host.logs.write(4, failure.message, "host", "");
  }

  private failed(error: unknown, what: string): HostError {
    const message =
      error instanceof Error
        ? `${error instanceof RestrictedCallback ? "" : "Uncaught "}${error instanceof RestrictedCallback ? "" : `${error.name}: `}${error.message}`
        : String(error);
    const failure =
      error instanceof HostError ? error : new HostError("start-failed", `${what}: ${message}${memoryHint(error)}`, { cause: error });
    this.failure = failure;
    this.afterCall = [];
    return failure;
  }

  /** Called once when a callback traps. */
  addFailureListener(listener: () => void): void {
    this.onFailure.push(listener);
  }

  nextContextId(): number {
    return ++this.lastContextId;
  }

  /** Tokens of callouts: HTTP calls are 4, 8, 12; gRPC calls 5, 9; gRPC streams 6, 10. */
  nextCalloutId(type: 0 | 1 | 2): number {
    return (this.lastCalloutIds[type] = (this.lastCalloutIds[type] ?? 0) + 4);
  }

  /** Sets the tick of a root context; 0 ends it. As in Envoy the next tick is armed after the last one returned. */
  setTickPeriod(rootId: number, milliseconds: number): void {
    this.timers.get(rootId)?.timer?.cancel();
    const entry = { period: milliseconds, timer: undefined as Timer | undefined };
    this.timers.set(rootId, entry);
    if (milliseconds > 0) entry.timer = this.worker.schedule(milliseconds, () => this.tick(rootId));
  }

  private tick(rootId: number): void {
    const context = this.contexts.get(rootId);
    if (context === undefined) return;
    context.onTick();
    const entry = this.timers.get(rootId);
    if (entry === undefined || entry.period === 0) return;
    entry.timer?.cancel();
    entry.timer = this.worker.schedule(entry.period, () => this.tick(rootId));
  }

  /** Ends timers; nothing is called in the module. */
  stop(): void {
    for (const { timer } of this.timers.values()) timer?.cancel();
    this.timers.clear();
  }
}

function isStartCall(name: string): boolean {
  return !name.startsWith("proxy_") && !FORBIDDEN_AT_START.has(name);
}
