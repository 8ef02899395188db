import type { ExchangeRequest } from "./exchange.ts";
import { TargetError } from "./target.ts";

/** What {@link isStatusOfAnswer} takes, for messages. */
export const STATUS_OF_ANSWER = "101, or an integer from 200 to 999";

/** Whether an upstream can answer with it. What has another status below 200 comes before an answer, and is none (RFC 9110, section 15.2). */
export function isStatusOfAnswer(value: unknown): boolean {
  return value === 101 || (Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 999);
}

/** What is wrong with the status that a request scripts; `undefined` where nothing is. */
export function statusProblem({ protocol, response: { status = 200 } = {} }: ExchangeRequest): string | undefined {
  if (!isStatusOfAnswer(status)) return `response.status: expected ${STATUS_OF_ANSWER}`;
  // RFC 9113, section 8.6, has no 101; Node's servers go no further than 599.
  const overHttp2 = protocol === "h2" || protocol === "grpc";
  return overHttp2 && (status < 200 || status > 599) ? "response.status: over HTTP/2 expected an integer from 200 to 599" : undefined;
}

/** @throws TargetError where no upstream can answer what the request scripts */
export function requireStatus(request: ExchangeRequest): void {
  const problem = statusProblem(request);
  if (problem !== undefined) throw new TargetError(`request ${request.id ?? request.path}: ${problem}, not ${request.response?.status}`);
}
