import { proxy_set_effective_context, proxy_set_tick_period_milliseconds } from "../abi/hostcalls";
import { monotonicTime } from "../hostcalls/time";
import { Root } from "./root";
import { Stream } from "./stream";

const MILLISECOND: u64 = 1_000_000;
const NEVER: u64 = u64.MAX_VALUE;

/** The period of a root's `onTick`. */
@final
class Period {
  constructor(
    readonly root: Root,
    /** Nanoseconds. */
    readonly length: u64,
    public due: u64,
  ) {}
}

/**
 * The waiting streams of one root context, earliest first: a binary heap in which each stream knows its place, so that one that leaves is taken out at
 * once. The host's tick is set to the time until the earliest deadline and switched off when nobody waits: ticking every millisecond
 * would cost 3 % of a core.
 */
@final
export class Timers {
  private readonly heap: Array<Stream> = new Array<Stream>();
  /** When the next tick comes, as far as it is known; {@link NEVER} once it came. */
  private armedFor: u64 = NEVER;
  private ticking: bool = false;
  /** The host no longer has the context: a tick that is asked for now would be another's. */
  private isAbandoned: bool = false;
  /** One for a filter; several filters that share a context each have their own. */
  private readonly periods: Array<Period> = new Array<Period>();

  /** `contextId`: the root's. */
  constructor(private readonly contextId: u32) {}

  start(stream: Stream, milliseconds: u32): void {
    this.remove(stream);
    stream.deadline = monotonicTime() + <u64>milliseconds * MILLISECOND;
    stream.timerIndex = this.heap.length;
    this.heap.push(stream);
    this.siftUp(stream.timerIndex);
    this.arm();
  }

  cancel(stream: Stream): void {
    this.remove(stream);
    this.arm();
  }

  /** Calls the `onTick` of `root` every `milliseconds`; 0 stops. */
  every(root: Root, milliseconds: u32): void {
    const periods = this.periods;
    for (let i = 0; i < periods.length; i++) {
      if (periods[i].root === root) {
        periods.splice(i, 1);
        break;
      }
    }
    const length = <u64>milliseconds * MILLISECOND;
    if (milliseconds != 0) periods.push(new Period(root, length, monotonicTime() + length));
    this.arm();
  }

  /** For when the host no longer has the context. */
  abandon(): void {
    this.isAbandoned = true;
  }

  /** Handles a tick of the host: calls every stream and every root whose time has come. */
  fire(): void {
    const now = monotonicTime();
    // A stream that starts its timer again while it is called is due later than `now`, so that this ends.
    while (this.heap.length > 0 && unchecked(this.heap[0]).deadline <= now) {
      const stream = unchecked(this.heap[0]);
      this.remove(stream);
      if (stream.enter()) stream.onTimer();
    }
    proxy_set_effective_context(this.contextId);
    // From the end, because a root may stop its period, or begin another, while it is called.
    for (let i = this.periods.length - 1; i >= 0; i--) {
      if (i >= this.periods.length) continue;
      const period = unchecked(this.periods[i]);
      if (period.due > now) continue;
      period.due = now + period.length;
      period.root.onTick();
    }
    this.armedFor = NEVER;
    this.arm();
  }

  private arm(): void {
    if (this.isAbandoned) return;
    let next = NEVER;
    for (let i = 0; i < this.periods.length; i++) next = min(next, unchecked(this.periods[i]).due);
    if (this.heap.length > 0) next = min(next, unchecked(this.heap[0]).deadline);
    if (next == NEVER) {
      // The host would go on with the last period.
      if (this.ticking) proxy_set_tick_period_milliseconds(0);
      this.ticking = false;
      this.armedFor = NEVER;
      return;
    }
    // What is due later than the next tick is looked at then.
    if (this.armedFor <= next) return;
    this.ticking = true;
    this.armedFor = next;
    const now = monotonicTime();
    // Rounded up: a delay is never early.
    const wait = next > now ? (next - now + MILLISECOND - 1) / MILLISECOND : 1;
    proxy_set_tick_period_milliseconds(<u32>min<u64>(wait, <u64>u32.MAX_VALUE));
  }

  private remove(stream: Stream): void {
    const index = stream.timerIndex;
    if (index < 0) return;
    stream.timerIndex = -1;
    const last = this.heap.pop();
    if (last === stream) return;
    unchecked((this.heap[index] = last));
    last.timerIndex = index;
    this.siftDown(index);
    this.siftUp(last.timerIndex);
  }

  private siftUp(start: i32): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (unchecked(this.heap[parent]).deadline <= unchecked(this.heap[index]).deadline) return;
      this.swap(index, parent);
      index = parent;
    }
  }

  private siftDown(start: i32): void {
    let index = start;
    while (true) {
      let earliest = index;
      const left = index * 2 + 1;
      for (let child = left; child <= left + 1 && child < this.heap.length; child++) {
        if (unchecked(this.heap[child]).deadline < unchecked(this.heap[earliest]).deadline) earliest = child;
      }
      if (earliest == index) return;
      this.swap(index, earliest);
      index = earliest;
    }
  }

  private swap(left: i32, right: i32): void {
    const one = unchecked(this.heap[left]);
    const other = unchecked(this.heap[right]);
    unchecked((this.heap[left] = other));
    unchecked((this.heap[right] = one));
    other.timerIndex = left;
    one.timerIndex = right;
  }
}
