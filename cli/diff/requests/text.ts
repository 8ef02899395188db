import { more, number } from "../counts.ts";
import type { Aspect } from "./behaviour.ts";
import type { Failures, RequestsReport } from "./compare.ts";

/** Groups that are shown as text; the rest is counted, and `--output json` has all. */
const MOST = 50;

const HEADINGS: Readonly<Record<Aspect, string>> = {
  allowed: "allowed or denied differently",
  answered: "answered differently",
  routed: "routed differently",
  delayed: "delayed differently",
  decided: "decided differently",
  changed: "changed on their way",
};

/** What became of recorded requests, for people. */
export function requestsAsText({ total, distinct, changed, skipped, broken, failed, groups }: RequestsReport): string {
  const others = Object.entries(skipped).map(([what, count]) => `${number(count)} lines passed over: ${what}\n`);
  const shown = groups.slice(0, MOST).map(({ aspect, count, before, after, example }) => {
    const { line: at, request } = example;
    const said = `${request.method ?? "GET"} ${request.authority ?? "localhost"}${request.path}`;
    return `  ${number(count)} ${HEADINGS[aspect]}\n    before: ${before}\n    after:  ${after}\n    such as line ${at}: ${said}\n`;
  });
  const run = distinct < total ? `; ${number(distinct)} were run, the others are like them` : "";
  return [
    `requests: ${number(changed)} of ${number(total)} are treated differently${run}\n`,
    ...others.map((each) => `  ${each}`),
    failures(broken, "lines are no requests"),
    failures(failed, "requests could not be run"),
    ...shown,
    more(groups.length - MOST, "  "),
  ].join("");
}

function failures({ count, first }: Failures, what: string): string {
  if (count === 0) return "";
  const lines = first.map(({ line: at, error }) => `    line ${at}: ${error}\n`);
  return `  ${number(count)} ${what}:\n${lines.join("")}${more(count - first.length, "    ")}`;
}
