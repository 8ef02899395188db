import type { LogLine } from "../target/index.ts";
import { exchangeOf, of, type Verdict } from "./verdict.ts";

/** What has log lines: a running target or scenario, or the in-process host. */
export type Logging = { logs(): Promise<readonly LogLine[]> } | { readonly logs: { readonly lines: readonly LogLine[] } };

/** What has counters and gauges. */
export type Measuring =
  { metrics(): Promise<Readonly<Record<string, number>>> } | { readonly metrics: { values(): Readonly<Record<string, number>> } };

export async function toHaveLogged(source: Logging, message: string | RegExp, level?: LogLine["level"]): Promise<Verdict> {
  const lines = typeof source.logs === "function" ? await source.logs() : source.logs.lines;
  // Not by `test`, which goes on where it ended before if the expression is a global one.
  const says = (line: LogLine) => (typeof message === "string" ? line.message.includes(message) : line.message.search(message) >= 0);
  const pass = lines.some((line) => (level === undefined || line.level === level) && says(line));
  const what = typeof message === "string" ? JSON.stringify(message) : String(message);
  const expectation = `to have logged ${what}${level === undefined ? "" : ` at level ${level}`}`;
  const none = lines.length === 0 ? "; they logged nothing" : "";
  return of(pass, "the filters", expectation, () => none + exchangeOf(source, lines));
}

export async function toHaveMetric(source: Measuring, name: string, value?: number): Promise<Verdict> {
  const metrics = typeof source.metrics === "function" ? await source.metrics() : source.metrics.values();
  const found = metrics[name];
  const pass = value === undefined ? found !== undefined : found === value;
  const expectation = `to have ${name}${value === undefined ? "" : ` at ${value}`}`;
  return of(pass, "the metrics", expectation, () => `; they are\n${JSON.stringify(metrics, undefined, 2)}${exchangeOf(source)}`);
}
