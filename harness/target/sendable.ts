import type { ExchangeRequest } from "./exchange.ts";
import { TargetError } from "./target.ts";

/** What {@link isStatusOfAnswer} takes, for messages. */
export const STATUS_OF_ANSWER = "101, or an integer from 200 to 999";

/** Whether an upstream can answer with it. What has another status below 200 comes before an answer, and is none (RFC 9110, section 15.2). */
export function isStatusOfAnswer(value: unknown): boolean {
  return value === 101 || (Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 999);
}

/** What no client or upstream could do of what a request scripts; `undefined` where all can be done. */
export function sendableProblem(request: ExchangeRequest): string | undefined {
  return statusProblem(request) ?? resetProblem(request) ?? chunksProblem(request);
}

function statusProblem({ protocol, response }: ExchangeRequest): string | undefined {
  const { status = protocol === "websocket" ? 101 : 200 } = response ?? {};
  if (!isStatusOfAnswer(status)) return `response.status: expected ${STATUS_OF_ANSWER}, not ${status}`;
  // Its servers take the upgrade before they have the message that is answered.
  if (protocol === "websocket" && status !== 101) return `response.status: over websocket expected 101, not ${status}`;
  // RFC 9113, section 8.6, has no 101; Node's servers go no further than 599.
  const overHttp2 = protocol === "h2" || protocol === "grpc";
  return overHttp2 && (status < 200 || status > 599)
    ? `response.status: over HTTP/2 expected an integer from 200 to 599, not ${status}`
    : undefined;
}

/** Only of HTTP/2 can a client, or a server, know what Envoy has dealt with: it answers a PING behind that. */
function resetProblem({ protocol = "http/1.1", reset, response }: ExchangeRequest): string | undefined {
  if (reset === undefined) return undefined;
  if (response?.reset !== undefined) return "reset: stands instead of response.reset, not beside it";
  if (protocol === "h2" || protocol === "grpc" || (protocol === "http/1.1" && reset === "after-request")) return undefined;
  return `reset: over ${protocol} ${protocol === "http/1.1" ? "expected after-request" : "there is none"}, not ${reset}; or use h2`;
}

function chunksProblem({ protocol = "http/1.1", response }: ExchangeRequest): string | undefined {
  if (response?.chunks === undefined) return undefined;
  if (response.body !== undefined) return "response.chunks: stands instead of response.body, not beside it";
  return protocol === "h2" ? undefined : `response.chunks: over h2, not over ${protocol}; use response.body`;
}

/** @throws TargetError where no client or upstream can do what the request scripts */
export function requireSendable(request: ExchangeRequest): void {
  const problem = sendableProblem(request);
  if (problem !== undefined) throw new TargetError(`request ${request.id ?? request.path}: ${problem}`);
}
