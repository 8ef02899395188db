import type { ExchangeResult, LogLine } from "../target/index.ts";
import { evidenceOf } from "../target/evidence.ts";

/** What a matcher found, in the form that vitest and jest take. */
export interface Verdict {
  readonly pass: boolean;
  /** Why the expectation, or its opposite where it held, failed. */
  readonly message: () => string;
}

/** Log lines that a failure shows, the last ones. */
const SHOWN = 10;

/** @param expectation what was expected, to be read after "expected the exchange (not)" */
export function ofExchange(pass: boolean, expectation: string, result: ExchangeResult): Verdict {
  return {
    pass,
    message() {
      const { request, logs = [] } = evidenceOf(result) ?? {};
      const sent = request === undefined ? "" : `\n\nThe request was\n${JSON.stringify(request, undefined, 2)}`;
      return `expected the exchange ${not(pass)}${expectation}; it was\n${JSON.stringify(result, undefined, 2)}${sent}${lastOf(logs)}`;
    },
  };
}

/** @param rest what is to be seen there instead */
export function of(pass: boolean, subject: string, expectation: string, rest: () => string): Verdict {
  return { pass, message: () => `expected ${subject} ${not(pass)}${expectation}${rest()}` };
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
