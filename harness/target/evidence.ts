import type { ExchangeRequest, ExchangeResult } from "./exchange.ts";
import type { LogLine } from "./target.ts";

/** What a person wants to see beside a result that was not expected. */
export interface Evidence {
  readonly request: ExchangeRequest;
  /** Of the filters, while the request ran. */
  readonly logs: readonly LogLine[];
}

/** The same, where not the result itself is examined. */
export interface WholeEvidence extends Evidence {
  readonly result: ExchangeResult;
}

const EVIDENCE = new WeakMap<object, WholeEvidence>();

/**
 * Keeps it for as long as there is the result, or a part of it, and beside it: results of different targets are compared.
 *
 * @param target what ran the request; its evidence is that of the last one
 */
export function withEvidence(result: ExchangeResult, evidence: Evidence, target?: object): ExchangeResult {
  const { request, response } = result;
  const whole: WholeEvidence = { ...evidence, result };
  for (const examined of [result, request, request?.headers, response, response?.headers, target])
    if (examined !== undefined) EVIDENCE.set(examined, whole);
  return result;
}

/** Of a result, a message in it, its headers, or what ran it. */
export function evidenceOf(examined: object): WholeEvidence | undefined {
  return EVIDENCE.get(examined);
}
