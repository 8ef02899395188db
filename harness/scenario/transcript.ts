import type { Decision, ExchangeRequest, ExchangeResult, LogLine } from "../target/index.ts";

/** What a body did to a target and what could be seen of it: what two targets must agree on. */
export interface Transcript {
  readonly exchanges: ReadonlyArray<{ readonly request: ExchangeRequest; readonly result: ObservedResult }>;
  readonly metrics: Readonly<Record<string, number>>;
  /** Lines at info and above, each once: Envoy configures a filter in every worker and on the main thread. */
  readonly logs: readonly string[];
}

/** A result without what cannot be equal: of a delay only that there was one. */
export interface ObservedResult extends Omit<ExchangeResult, "delay" | "decisions"> {
  readonly delayed: boolean;
  readonly decisions: readonly Decision[];
}

const COMPARED_LEVELS = new Set(["info", "warn", "error", "critical"]);

export function observe(result: ExchangeResult): ObservedResult {
  const { delay, ...rest } = result;
  return { ...rest, delayed: delay !== undefined };
}

export function comparedLogs(lines: readonly LogLine[]): string[] {
  const compared = lines.filter((line) => COMPARED_LEVELS.has(line.level)).map((line) => `${line.level}: ${line.message}`);
  return [...new Set(compared)].toSorted();
}
