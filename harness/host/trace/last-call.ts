import { hostcallNames } from "../abi/index.ts";
import { CALLBACK_NAMES, type CallbackName } from "../callbacks.ts";
import type { Context } from "../context.ts";
import type { HostObserver, Words } from "../observer.ts";
import type { Vm } from "../vm.ts";

const HOSTCALLS = [...new Set((["0.1.0", "0.2.0", "0.2.1"] as const).flatMap(hostcallNames))];

/** Leaves in shared memory what a module did last, so that another thread can say where it hangs; hands everything on. */
export class LastCall implements HostObserver {
  private readonly words: Int32Array;
  private readonly next: HostObserver;

  constructor(memory: SharedArrayBuffer, next: HostObserver) {
    this.words = new Int32Array(memory);
    this.next = next;
  }

  callbackStarted(vm: Vm, name: CallbackName, context: Context, words: Words): void {
    this.words[0] = CALLBACK_NAMES.indexOf(name) + 1;
    this.words[1] = 0;
    this.next.callbackStarted(vm, name, context, words);
  }

  callbackEnded(vm: Vm, name: CallbackName, result: number): void {
    this.words[0] = 0;
    this.next.callbackEnded(vm, name, result);
  }

  hostcallStarted(vm: Vm, name: string, words: Words): void {
    this.words[1] = HOSTCALLS.indexOf(name) + 1;
    this.next.hostcallStarted(vm, name, words);
  }

  hostcallEnded(vm: Vm, name: string, words: Words, result: number | undefined): void {
    this.next.hostcallEnded(vm, name, words, result);
  }

  allocated(vm: Vm, size: number): void {
    this.next.allocated(vm, size);
  }
}

/** Where a module is by what {@link LastCall} left, as the end of a sentence; empty where it is in no callback. */
export function lastCallOf(memory: SharedArrayBuffer): string {
  const [callback = 0, hostcall = 0] = new Int32Array(memory);
  if (callback === 0) return "";
  return ` in ${CALLBACK_NAMES[callback - 1]}${hostcall === 0 ? ", before any hostcall" : `, after ${HOSTCALLS[hostcall - 1]}`}`;
}
