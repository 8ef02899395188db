import { Session } from "node:inspector/promises";
import type { CallbackName } from "../callbacks.ts";
import type { Context } from "../context.ts";
import type { HostObserver, Words } from "../observer.ts";
import type { Vm } from "../vm.ts";
import { functionsOf, type ProfiledFunction } from "./functions.ts";
import { callbackPrice, hostcallPrice } from "./prices.ts";
import { copiedBytes } from "./words.ts";

/** How often something was called, and what it costs by the list of prices. */
export interface CallSum {
  readonly name: string;
  readonly calls: number;
  /** Nanoseconds of all calls; absent where the list has no price. */
  readonly price?: number;
}

export interface HostcallSum extends CallSum {
  /** Calls that returned another status than Ok. */
  readonly failed: number;
  readonly bytesToHost: number;
  readonly bytesToModule: number;
  readonly allocations: number;
  readonly allocatedBytes: number;
}

/** Sums over many requests, the dearest first. */
export interface CallProfile {
  readonly callbacks: readonly CallSum[];
  readonly hostcalls: readonly HostcallSum[];
  /** Bytes of all modules' memories at the start of the profile and at its end. */
  readonly memory: { readonly before: number; readonly after: number };
  /** Where V8 saw time pass in modules, the hottest first. */
  readonly functions: readonly ProfiledFunction[];
  /** Microseconds that V8 saw pass in modules, hostcalls not counted. */
  readonly inModules: number;
}

type Sum = { -readonly [Field in keyof HostcallSum]: HostcallSum[Field] };

/** Microseconds between two samples: a callback of a filter takes a few. */
const INTERVAL = 50;

/** Counts calls, and takes samples of the thread that it runs in. */
export class Profiler implements HostObserver {
  private readonly callbacks = new Map<CallbackName, number>();
  private readonly hostcalls = new Map<string, Sum>();
  private readonly vms = new Map<Vm, number>();
  private readonly session = new Session();
  private readonly open: Sum[] = [];
  private running = false;

  /** What was counted until now counts no more. */
  async start(): Promise<void> {
    this.callbacks.clear();
    this.hostcalls.clear();
    for (const vm of this.vms.keys()) this.vms.set(vm, vm.memorySize);
    if (this.running) return;
    this.running = true;
    this.session.connect();
    await this.session.post("Profiler.enable");
    await this.session.post("Profiler.setSamplingInterval", { interval: INTERVAL });
    await this.session.post("Profiler.start");
  }

  async stop(): Promise<CallProfile> {
    const { profile } = await this.session.post("Profiler.stop");
    this.session.disconnect();
    this.running = false;
    const functions = functionsOf(profile);
    const dearest = (a: CallSum, b: CallSum) => (b.price ?? 0) - (a.price ?? 0) || b.calls - a.calls;
    return {
      callbacks: [...this.callbacks].map(([name, calls]) => ({ name, calls, price: calls * callbackPrice(name) })).toSorted(dearest),
      hostcalls: [...this.hostcalls.values()].toSorted(dearest),
      memory: {
        before: [...this.vms.values()].reduce((sum, size) => sum + size, 0),
        after: [...this.vms.keys()].reduce((sum, vm) => sum + vm.memorySize, 0),
      },
      functions,
      inModules: functions.reduce((sum, { self }) => sum + self, 0),
    };
  }

  callbackStarted(vm: Vm, name: CallbackName, _context: Context, _words: Words): void {
    if (!this.vms.has(vm)) this.vms.set(vm, vm.memorySize);
    this.callbacks.set(name, (this.callbacks.get(name) ?? 0) + 1);
  }

  callbackEnded(vm: Vm): void {
    // What a trap has cut off.
    if (vm.failure !== undefined) this.open.length = 0;
  }

  hostcallStarted(_vm: Vm, name: string, _words: Words): void {
    let sum = this.hostcalls.get(name);
    if (sum === undefined) {
      sum = { name, calls: 0, failed: 0, bytesToHost: 0, bytesToModule: 0, allocations: 0, allocatedBytes: 0 };
      this.hostcalls.set(name, sum);
    }
    sum.calls++;
    this.open.push(sum);
  }

  hostcallEnded(vm: Vm, name: string, words: Words, result: number | undefined): void {
    const sum = this.open.pop();
    if (sum === undefined) return;
    if (result !== undefined && result !== 0) sum.failed++;
    const { toHost, toModule } = copiedBytes(vm, name, words, result === 0);
    sum.bytesToHost += toHost;
    sum.bytesToModule += toModule;
    const price = hostcallPrice(name, toHost + toModule);
    if (price !== undefined) sum.price = (sum.price ?? 0) + price;
  }

  allocated(_vm: Vm, size: number): void {
    const sum = this.open.at(-1);
    if (sum === undefined) return;
    sum.allocations++;
    sum.allocatedBytes += size;
  }
}
