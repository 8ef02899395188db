import type { CallbackName } from "./callbacks.ts";
import type { Context } from "./context.ts";
import type { Vm } from "./vm.ts";

/** Words that pass between a host and a module: i32 as numbers, which may come signed, i64 as bigints. */
export type Words = ReadonlyArray<number | bigint>;

/**
 * Sees what passes between a host and its modules, in order: callbacks, and inside of them hostcalls. It may read the module's memory, and must change
 * nothing. What has begun and not ended was cut off by a trap.
 */
export interface HostObserver {
  callbackStarted(vm: Vm, name: CallbackName, context: Context, words: Words): void;
  /** `result` is 0 where the callback trapped; `vm.failure` says so. */
  callbackEnded(vm: Vm, name: CallbackName, result: number): void;
  hostcallStarted(vm: Vm, name: string, words: Words): void;
  /** `result` is `undefined` for the one hostcall without any, `proc_exit`. */
  hostcallEnded(vm: Vm, name: string, words: Words, result: number | undefined): void;
  /** The host took `size` bytes of the module, by its `malloc`. */
  allocated(vm: Vm, size: number): void;
}
