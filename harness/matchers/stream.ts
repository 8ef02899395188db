import type { ExchangeResult, HeaderList, LogLine } from "../target/index.ts";
import { lastOf, of, ofExchange, type Verdict } from "./verdict.ts";

/** A stream of the in-process host, whose clock stands still until it is advanced. */
export interface Pausing {
  readonly state: string;
  advance(milliseconds: number): void;
  /** What a failure shows of it. */
  readonly evidence?: { readonly headers: HeaderList; readonly logs: readonly LogLine[] } | undefined;
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
  return of(pass, "the stream", `to be held back for ${milliseconds} ms and no longer`, () => course + shown(paused));
}

function shown({ evidence }: Pausing): string {
  if (evidence === undefined) return "";
  return `\n\nThe request was\n${evidence.headers.map(([name, value]) => `  ${name}: ${value}`).join("\n")}${lastOf(evidence.logs)}`;
}
