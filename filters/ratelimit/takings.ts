import { TICKS_PER_NANOSECOND } from "../lib/token-bucket";
import { arena, monotonicTime } from "../sdk";
import { Taking } from "./taking";

/** The tokens that one request wants, in the order of the limits. Lives in the arena. */
@unmanaged
@final
export class Takings {
  first: Taking | null;
  private last: Taking | null;
  private now: u64;

  static create(): Takings {
    const takings = changetype<Takings>(arena.allocate(offsetof<Takings>()));
    takings.first = null;
    takings.last = null;
    takings.now = 0;
    return takings;
  }

  /** One moment for all of them, in ticks; a request that no limit concerns never asks for it. */
  get time(): u64 {
    if (this.now == 0) this.now = monotonicTime() * TICKS_PER_NANOSECOND;
    return this.now;
  }

  add(taking: Taking): void {
    const last = this.last;
    if (last == null) this.first = taking;
    else last.next = taking;
    this.last = taking;
  }

  /** Gives back what was taken for the limits in front of `end`. */
  giveBack(end: Taking): void {
    let taking = this.first;
    while (taking != null && taking !== end) {
      if (!taking.limit.shadowMode) taking.giveBack();
      taking = taking.next;
    }
  }
}
