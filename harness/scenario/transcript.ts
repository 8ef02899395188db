import type { ExchangeRequest, ExchangeResult, LogLine } from "../target/index.ts";

/** What a body did to a target and what could be seen of it: what two targets must agree on. */
export interface Transcript {
  readonly exchanges: ReadonlyArray<{ readonly request: ExchangeRequest; readonly result: ObservedResult }>;
  readonly metrics: Readonly<Record<string, number>>;
  /** Lines at info and above, each once: Envoy configures a filter in every worker and on the main thread. */
  readonly logs: readonly string[];
}

/** A result without its delay, which on a busy machine is as long as it is: bodies say what they expect of it. */
export type ObservedResult = Omit<ExchangeResult, "delay">;

const COMPARED_LEVELS = new Set(["info", "warn", "error", "critical"]);

export function observe(result: ExchangeResult): ObservedResult {
  const observed: { -readonly [Field in keyof ExchangeResult]: ExchangeResult[Field] } = { ...result };
  delete observed.delay;
  return observed;
}

export function comparedLogs(lines: readonly LogLine[]): string[] {
  const compared = lines.filter((line) => COMPARED_LEVELS.has(line.level)).map((line) => `${line.level}: ${line.message}`);
  return [...new Set(compared)].toSorted();
}
