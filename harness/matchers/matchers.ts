import { expect } from "vitest";
import type { ExchangeResult, HeaderList } from "../target/index.ts";

/** Expectations on an {@link ExchangeResult} whose failures show the whole exchange. */
interface ExchangeMatchers<R> {
  /** The upstream answered; with `where`, through this route or cluster. */
  toForward(where?: { route?: string; cluster?: string }): R;
  /** Envoy or a filter answered with `status`; with `details`, for this reason. */
  toRespond(status: number, details?: string): R;
  /** The upstream saw exactly these values of a header, in order; none for an absent one. */
  toSendHeader(name: string, ...values: string[]): R;
  /** The client saw exactly these values of a header, in order; none for an absent one. */
  toReturnHeader(name: string, ...values: string[]): R;
}

declare module "vitest" {
  // Type parameters must be those of vitest's own declaration.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends ExchangeMatchers<R> {}
}

function verdict(pass: boolean, expectation: string, result: ExchangeResult) {
  return { pass, message: () => `expected the exchange ${pass ? "not " : ""}${expectation}; it was\n${JSON.stringify(result, null, 2)}` };
}

function valuesOf(headers: HeaderList | undefined, name: string): string[] {
  return (headers ?? []).filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

expect.extend({
  toForward(result: ExchangeResult, where: { route?: string; cluster?: string } = {}) {
    const pass =
      result.outcome === "forward" &&
      (where.route === undefined || result.route === where.route) &&
      (where.cluster === undefined || result.cluster === where.cluster);
    return verdict(pass, `to be forwarded ${JSON.stringify(where)}`, result);
  },
  toRespond(result: ExchangeResult, status: number, details?: string) {
    const pass = result.outcome === "respond" && result.status === status && (details === undefined || result.details === details);
    return verdict(pass, `to be answered with ${status}${details === undefined ? "" : ` (${details})`}`, result);
  },
  toSendHeader(result: ExchangeResult, name: string, ...values: string[]) {
    const pass = this.equals(valuesOf(result.request?.headers, name), values);
    return verdict(pass, `to send upstream ${name}: ${JSON.stringify(values)}`, result);
  },
  toReturnHeader(result: ExchangeResult, name: string, ...values: string[]) {
    const pass = this.equals(valuesOf(result.response?.headers, name), values);
    return verdict(pass, `to return ${name}: ${JSON.stringify(values)}`, result);
  },
});
