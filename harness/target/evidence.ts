import type { ExchangeRequest, ExchangeResult } from "./exchange.ts";
import type { LogLine } from "./target.ts";

/** What a person wants to see beside a result that was not expected. */
export interface Evidence {
  readonly request: ExchangeRequest;
  /** Of the filters, while the request ran. */
  readonly logs: readonly LogLine[];
}

const EVIDENCE = new WeakMap<ExchangeResult, Evidence>();

/** Keeps it for as long as there is the result, and beside it: results of different targets are compared. */
export function withEvidence(result: ExchangeResult, evidence: Evidence): ExchangeResult {
  EVIDENCE.set(result, evidence);
  return result;
}

export function evidenceOf(result: ExchangeResult): Evidence | undefined {
  return EVIDENCE.get(result);
}
