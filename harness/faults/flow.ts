import type { Socket } from "node:net";
import type { Choices } from "../fuzz/random.ts";
import type { LinkFaults } from "./link-faults.ts";

/** What the connections of a link share in one direction. */
export interface Shared {
  readonly faults: LinkFaults;
  /** When `length` more bytes are through where the link has a bandwidth, in milliseconds of `performance.now()`. */
  through(length: number): number;
  carried(length: number): void;
  retransmitted(): void;
}

interface Item {
  due: number;
  readonly what: Buffer | "end" | "reset";
}

/** Bytes that are on their way before the sender is held back: what a socket's buffer and the path to it hold. */
const MOST_QUEUED = 1024 * 1024;
/** Linux's least retransmission timeout (TCP_RTO_MIN); RFC 6298 has a second. */
const RETRANSMISSION = 200;
/** A chunk is lost so often at most; TCP would give up after minutes. */
const MOST_LOSSES = 6;
/** So long at most takes one piece of what goes over a link with little bandwidth. */
const PIECE = 50;

/** One direction of a connection: what comes from `source` goes to the target when it is due, in order. */
export class Flow {
  private readonly source: Socket;
  private readonly shared: Shared;
  private readonly choices: Choices;
  private readonly reset: (byFault: boolean) => void;
  private readonly queue: Item[] = [];
  private queued = 0;
  private lastDue = 0;
  private delivered = 0;
  private target: Socket | undefined;
  private blocked = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly isAnswer: boolean;
  private over = false;

  /** @param reset ends both directions */
  constructor(source: Socket, shared: Shared, choices: Choices, isAnswer: boolean, reset: (byFault: boolean) => void) {
    this.source = source;
    this.shared = shared;
    this.choices = choices;
    this.isAnswer = isAnswer;
    this.reset = reset;
    source.on("data", (chunk: Buffer) => this.take(chunk));
    source.on("end", () => this.push("end", this.arrival(0)));
    source.on("error", () => this.push("reset", this.arrival(0)));
  }

  /** What came until now, and what comes, goes there. */
  to(target: Socket): void {
    this.target = target;
    target.on("drain", () => {
      this.blocked = false;
      this.flush();
    });
    this.flush();
  }

  /** The faults are others now: what waits does so no longer than they say. */
  changed(): void {
    const { delay = 0, jitter = 0 } = this.shared.faults;
    const latest = performance.now() + delay + jitter;
    for (const item of this.queue) item.due = Math.min(item.due, latest);
    this.lastDue = Math.min(this.lastDue, latest);
    this.flush();
  }

  stop(): void {
    this.over = true;
    clearTimeout(this.timer);
    this.queue.length = 0;
  }

  private take(chunk: Buffer): void {
    const { resets = 0, bytesPerSecond } = this.shared.faults;
    if (this.choices.chance(resets)) return this.reset(true);
    const piece = bytesPerSecond === undefined ? chunk.length : Math.max(1, Math.floor((bytesPerSecond * PIECE) / 1_000));
    const lost = this.losses();
    for (let at = 0; at < chunk.length; at += piece) {
      const part = chunk.subarray(at, at + piece);
      this.push(part, this.arrival(part.length) + lost);
    }
    if (this.queued > MOST_QUEUED) this.source.pause();
  }

  private arrival(length: number): number {
    const { delay = 0, jitter = 0 } = this.shared.faults;
    return this.shared.through(length) + delay + (jitter > 0 ? jitter * this.choices.next() : 0);
  }

  /** Milliseconds that a chunk comes later because it was lost. */
  private losses(): number {
    const { loss = 0 } = this.shared.faults;
    let wait = 0;
    for (let times = 0; loss > 0 && times < MOST_LOSSES && this.choices.chance(loss); times++) {
      wait += RETRANSMISSION * 2 ** times;
      this.shared.retransmitted();
    }
    return wait;
  }

  private push(what: Item["what"], due: number): void {
    if (this.over) return;
    this.lastDue = Math.max(due, this.lastDue);
    this.queue.push({ due: this.lastDue, what });
    if (typeof what !== "string") this.queued += what.length;
    this.flush();
  }

  private flush(): void {
    clearTimeout(this.timer);
    while (this.target !== undefined && !this.blocked && !this.over && this.shared.faults.cut === undefined) {
      const [head] = this.queue;
      if (head === undefined) break;
      const wait = head.due - performance.now();
      if (wait > 0) {
        this.timer = setTimeout(() => this.flush(), wait);
        break;
      }
      this.queue.shift();
      this.deliver(head.what, this.target);
    }
    if (this.source.isPaused() && this.queued < MOST_QUEUED / 2) this.source.resume();
  }

  private deliver(what: Item["what"], target: Socket): void {
    if (what === "reset") return this.reset(false);
    if (what === "end") {
      target.end();
      return;
    }
    this.queued -= what.length;
    const left = this.isAnswer ? (this.shared.faults.closeAfter ?? Infinity) - this.delivered : Infinity;
    const part = what.subarray(0, Math.max(0, left));
    this.delivered += part.length;
    this.shared.carried(part.length);
    this.blocked = !target.write(part);
    // Not reset: the reader could lose what it has not read yet (RFC 9293, section 3.10.7.4).
    if (this.delivered >= left) {
      this.stop();
      target.end();
      this.source.destroy();
    }
  }
}
