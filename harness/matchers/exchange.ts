import { isDeepStrictEqual } from "node:util";
import type { Body, ExchangeResult, HeaderList } from "../target/index.ts";
import { exchangeOf, of, ofExchange, requireExchange, type Verdict } from "./verdict.ts";

/** What an answer has to be, besides its status. */
export interface ExpectedResponse {
  /** Envoy's `%RESPONSE_CODE_DETAILS%`. */
  readonly details?: string;
  /** Each has exactly this value, or these in order; others may be there. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Body;
}

/** A request or a response, and whatever has headers. */
export interface WithHeaders {
  readonly headers: HeaderList;
}

export function toForward(result: ExchangeResult, where: { readonly route?: string; readonly cluster?: string } = {}): Verdict {
  requireExchange(result);
  const pass =
    result.outcome === "forward" &&
    (where.route === undefined || result.route === where.route) &&
    (where.cluster === undefined || result.cluster === where.cluster);
  return ofExchange(pass, `to be forwarded ${JSON.stringify(where)}`, result);
}

export function toRespond(result: ExchangeResult, status: number, details?: string): Verdict {
  requireExchange(result);
  const pass = result.outcome === "respond" && result.status === status && (details === undefined || result.details === details);
  return ofExchange(pass, `to be answered with ${status}${details === undefined ? "" : ` (${details})`}`, result);
}

export function toRespondWith(result: ExchangeResult, status: number, response: ExpectedResponse = {}): Verdict {
  requireExchange(result);
  const { details, headers = {}, body } = response;
  const pass =
    result.outcome === "respond" &&
    result.status === status &&
    (details === undefined || result.details === details) &&
    (body === undefined || isDeepStrictEqual(result.response?.body, body)) &&
    Object.entries(headers).every(([name, values]) => isDeepStrictEqual(valuesOf(result.response?.headers, name), [values].flat()));
  return ofExchange(pass, `to be answered with ${status} ${JSON.stringify(response)}`, result);
}

export function toSendHeader(result: ExchangeResult, name: string, ...values: string[]): Verdict {
  requireExchange(result);
  const pass = result.request !== undefined && isDeepStrictEqual(valuesOf(result.request.headers, name), values);
  return ofExchange(pass, `to send upstream ${name}: ${JSON.stringify(values)}`, result);
}

export function toReturnHeader(result: ExchangeResult, name: string, ...values: string[]): Verdict {
  requireExchange(result);
  const pass = isDeepStrictEqual(valuesOf(result.response?.headers, name), values);
  return ofExchange(pass, `to return ${name}: ${JSON.stringify(values)}`, result);
}

export function toEject(result: ExchangeResult, rule?: string): Verdict {
  requireExchange(result);
  const pass = result.decisions.some((decision) => decision.result === "mark" && (rule === undefined || decision.rule === rule));
  return ofExchange(pass, `to mark its host as one to be ejected${rule === undefined ? "" : ` by ${rule}`}`, result);
}

export function toHaveHeader(message: WithHeaders | HeaderList | undefined, name: string, ...values: string[]): Verdict {
  const headers: unknown = message === undefined || "headers" in message ? message?.headers : message;
  requireHeaders(headers);
  const found = valuesOf(headers, name);
  const pass = values.length === 0 ? found.length > 0 : isDeepStrictEqual(found, values);
  const expectation = `to have ${name}${values.length === 0 ? "" : `: ${JSON.stringify(values)}`}`;
  const seen =
    headers === undefined ? "; there is no message" : `; they are\n${headers.map(([key, value]) => `  ${key}: ${value}`).join("\n")}`;
  return of(pass, "the headers", expectation, () => (message === undefined ? seen : seen + exchangeOf(message)));
}

function requireHeaders(headers: unknown): asserts headers is HeaderList | undefined {
  if (headers === undefined || Array.isArray(headers)) return;
  throw new TypeError("what is examined has no headers: examine the `request` or the `response` of an exchange");
}

function valuesOf(headers: HeaderList | undefined, name: string): string[] {
  return (headers ?? []).filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}
