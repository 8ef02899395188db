import type { CallbackName } from "../callbacks.ts";
import type { Context } from "../context.ts";
import type { HostObserver, Words } from "../observer.ts";
import type { Vm } from "../vm.ts";
import { callbackPrice, hostcallPrice } from "./prices.ts";
import { CALLBACK_WORDS } from "./shapes.ts";
import { readArguments, readResults, statusName, type Shown } from "./words.ts";

/** One hostcall, as it was called and answered. */
export interface TracedHostcall {
  readonly hostcall: string;
  readonly arguments: Readonly<Record<string, Shown>>;
  /** What came back by pointers; empty where the call failed. */
  readonly results: Readonly<Record<string, Shown>>;
  /** `Ok`, `NotFound`, ...; of WASI the number. `trapped`: the call did not return. */
  readonly status: string;
  /** Bytes that were copied out of the module, and into it. */
  readonly bytesToHost: number;
  readonly bytesToModule: number;
  /** How often, and how much, the host took of the module's memory by its `malloc`. */
  readonly allocations: number;
  readonly allocatedBytes: number;
  /** Nanoseconds by the list of prices; absent where it has none. */
  readonly price?: number;
  /** Callbacks that ran inside of the call. */
  readonly callbacks?: readonly TracedCallback[];
}

/** One callback, and the hostcalls that the module made in it. */
export interface TracedCallback {
  readonly callback: CallbackName;
  readonly plugin: string;
  /** Its words by name, the first of which is `context`. */
  readonly arguments: Readonly<Record<string, number>>;
  readonly returned: number;
  /** Why the module trapped in it. */
  readonly trap?: string;
  /** Nanoseconds by the list of prices, without the hostcalls. */
  readonly price: number;
  /** Bytes of the module's memory afterwards. */
  readonly memory: number;
  readonly hostcalls: readonly TracedHostcall[];
}

type Open<T> = { -readonly [Field in keyof T]: T[Field] extends readonly (infer Item)[] | undefined ? Item[] : T[Field] };

/** Records every callback and hostcall until it is asked for them. */
export class TraceRecorder implements HostObserver {
  private finished: TracedCallback[] = [];
  private readonly open: Array<Open<TracedCallback>> = [];
  private readonly calls: Array<Open<TracedHostcall>> = [];

  /** What was recorded since the last time. */
  take(): readonly TracedCallback[] {
    return this.finished.splice(0);
  }

  callbackStarted(_vm: Vm, name: CallbackName, context: Context, words: Words): void {
    const names = CALLBACK_WORDS[name] ?? [];
    this.open.push({
      callback: name,
      plugin: context.plugin?.name ?? "",
      arguments: Object.fromEntries(names.map((field, index) => [field, Number(words[index] ?? 0)])),
      returned: 0,
      price: callbackPrice(name),
      memory: 0,
      hostcalls: [],
    });
  }

  callbackEnded(vm: Vm, _name: CallbackName, result: number): void {
    const callback = this.open.at(-1);
    if (callback === undefined) return;
    // A callback inside of another one has a hostcall around it. What else began and did not return was cut off by a trap.
    while (this.calls.length >= this.open.length) this.callEnded("trapped");
    this.open.pop();
    callback.returned = result;
    callback.memory = vm.memorySize;
    if (vm.failure !== undefined) callback.trap = vm.failure.message;
    const caller = this.calls.at(-1);
    if (caller === undefined) this.finished.push(callback);
    else (caller.callbacks ??= []).push(callback);
  }

  hostcallStarted(vm: Vm, name: string, words: Words): void {
    const { shown, bytes } = readArguments(vm, name, words);
    this.calls.push({
      hostcall: name,
      arguments: shown,
      results: {},
      status: "",
      bytesToHost: bytes,
      bytesToModule: 0,
      allocations: 0,
      allocatedBytes: 0,
    });
  }

  hostcallEnded(vm: Vm, name: string, words: Words, result: number | undefined): void {
    const call = this.calls.at(-1);
    if (call === undefined) return;
    if (result === 0) {
      const { shown, bytes } = readResults(vm, name, words);
      call.results = shown;
      call.bytesToModule = bytes;
    }
    const price = hostcallPrice(name, call.bytesToHost + call.bytesToModule);
    if (price !== undefined) call.price = price;
    this.callEnded(result === undefined ? "" : name.startsWith("proxy_") ? statusName(result) : String(result));
  }

  private callEnded(status: string): void {
    const call = this.calls.pop();
    if (call === undefined) return;
    call.status = status;
    // While the module starts it may log, and no callback is open.
    this.open.at(-1)?.hostcalls.push(call);
  }

  allocated(_vm: Vm, size: number): void {
    const call = this.calls.at(-1);
    if (call === undefined) return;
    call.allocations++;
    call.allocatedBytes += size;
  }
}
