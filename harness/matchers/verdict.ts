import type { ExchangeRequest, ExchangeResult, LogLine } from "../target/index.ts";
import { evidenceOf } from "../target/evidence.ts";

/** What a matcher found, in the form that vitest and jest take. */
export interface Verdict {
  readonly pass: boolean;
  /** Why the expectation, or its opposite where it held, failed. */
  readonly message: () => string;
}

/** Log lines that a failure shows, the last ones. */
const SHOWN = 10;

/** Where something else is examined, nothing holds, and its opposite would: a mistake of the test, which no type tells in JavaScript. */
export function requireExchange(result: unknown): asserts result is ExchangeResult {
  if (result instanceof Promise)
    throw new TypeError("what is examined is a promise: await it first, as in `expect(await run.send(request))`");
  if (typeof result === "object" && result !== null && "outcome" in result && "decisions" in result) return;
  throw new TypeError(
    "what is examined is no exchange: `send` of a target or of a scenario's `run` gives one. A stream of the in-process host shows its `state`, `request` and `response`",
  );
}

/** @param expectation what was expected, to be read after "expected the exchange (not)" */
export function ofExchange(pass: boolean, expectation: string, result: ExchangeResult): Verdict {
  return {
    pass,
    message() {
      const { request, logs = [] } = evidenceOf(result) ?? {};
      return `expected the exchange ${not(pass)}${expectation}; it was\n${JSON.stringify(result, undefined, 2)}${sent(request)}${lastOf(logs)}`;
    },
  };
}

/** @param rest what is to be seen there instead */
export function of(pass: boolean, subject: string, expectation: string, rest: () => string): Verdict {
  return { pass, message: () => `expected ${subject} ${not(pass)}${expectation}${rest()}` };
}

/** The exchange that an examined message belongs to, or that was the last one of an examined target. */
export function exchangeOf(examined: object, logs = evidenceOf(examined)?.logs ?? []): string {
  const { request, result } = evidenceOf(examined) ?? {};
  const became = result === undefined ? "" : `\n\nWhat became of it\n${JSON.stringify(result, undefined, 2)}`;
  return `${sent(request)}${became}${lastOf(logs)}`;
}

function sent(request: ExchangeRequest | undefined): string {
  return request === undefined ? "" : `\n\nThe request was\n${JSON.stringify(request, undefined, 2)}`;
}

export function lastOf(logs: readonly LogLine[]): string {
  if (logs.length === 0) return "";
  const lines = logs.slice(-SHOWN).map(({ level, message }) => `  ${level}: ${message}`);
  const which = logs.length > SHOWN ? `the last ${SHOWN} of ${logs.length} lines` : "all lines";
  return `\n\nLogged by the filters (${which}):\n${lines.join("\n")}`;
}

function not(pass: boolean): string {
  return pass ? "not " : "";
}
