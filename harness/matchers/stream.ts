import type { ExchangeResult } from "../target/index.ts";
import { of, ofExchange, type Verdict } from "./verdict.ts";

/** A stream of the in-process host, whose clock stands still until it is advanced. */
export interface Pausing {
  readonly state: string;
  advance(milliseconds: number): void;
}

export function toResumeAfter(paused: Pausing | ExchangeResult, milliseconds: number): Verdict {
  if (!("advance" in paused)) {
    const pass = (paused.delay ?? 0) * 1000 >= milliseconds;
    return ofExchange(pass, `to be held back for ${milliseconds} ms`, paused);
  }
  const before = paused.state;
  paused.advance(Math.max(0, milliseconds - 1));
  const shortly = paused.state;
  paused.advance(1);
  const after = paused.state;
  const pass = before === "paused" && shortly === "paused" && after !== "paused";
  const course = `; it was ${before}, ${shortly} after ${milliseconds - 1} ms, and ${after} then`;
  return of(pass, "the stream", `to be held back for ${milliseconds} ms and no longer`, () => course);
}
