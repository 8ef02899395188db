import { isIP } from "node:net";
import type { ExchangeRequest } from "../../harness/target/index.ts";
import { isStatusOfAnswer, sendableProblem, STATUS_OF_ANSWER } from "../../harness/target/sendable.ts";
import { suggestion } from "../../control/model/fields/suggestion.ts";
import { readLines } from "../diff/requests/read-lines.ts";

/** A line of the input: a request, or what is wrong with it. Empty lines are none. */
export type RequestLine =
  { readonly line: number; readonly request: ExchangeRequest } | { readonly line: number; readonly id?: string; readonly error: string };

type Check = (value: unknown, path: string, problems: string[]) => void;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

const expectation =
  (expected: string, holds: (value: unknown) => boolean): Check =>
  (value, path, problems) => {
    if (!holds(value)) problems.push(`${path}: expected ${expected}`);
  };

const text = expectation("a string", (value) => typeof value === "string");
const integer = (least: number, most: number) =>
  expectation(`an integer from ${least} to ${most}`, (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most);
const oneOf = (...allowed: string[]) => expectation(`one of ${allowed.join(", ")}`, (value) => allowed.includes(value as string));

function fields(checks: Readonly<Record<string, Check>>): Check {
  return (value, path, problems) => {
    if (!isObject(value)) {
      problems.push(`${path === "" ? "the line" : path}: expected an object`);
      return;
    }
    for (const [name, member] of Object.entries(value)) {
      // Not `checks[name]`: that also finds what every object inherits, `toString` and `__proto__`.
      const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
      const place = path === "" ? name : `${path}.${name}`;
      if (check === undefined) problems.push(`${place}: unknown field${suggestion(name, Object.keys(checks))}`);
      else check(member, place, problems);
    }
  };
}

function list(check: Check): Check {
  return (value, path, problems) => {
    if (!Array.isArray(value)) problems.push(`${path}: expected a list`);
    else for (const [index, item] of value.entries()) check(item, `${path}[${index}]`, problems);
  };
}

const headers = list(
  expectation(
    "a pair of strings, [name, value]",
    (value) => Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string"),
  ),
);
const body: Check = (value, path, problems) => {
  if (typeof value === "string") return;
  if (!isObject(value) || typeof value["base64"] !== "string") problems.push(`${path}: expected a string or {"base64": "..."}`);
  else if (Buffer.from(value["base64"], "base64").toString("base64") !== value["base64"]) problems.push(`${path}.base64: not base64`);
};
const labels: Check = (value, path, problems) => {
  if (!isObject(value) || !Object.values(value).every((each) => typeof each === "string"))
    problems.push(`${path}: expected an object of strings`);
};
const instant = expectation(
  "a time such as 2026-01-31T12:00:00Z",
  (value) => typeof value === "string" && !Number.isNaN(Date.parse(value)),
);

const address = expectation("an IP address", (value) => typeof value === "string" && isIP(value.replace(/^\[(.*)\]$/, "$1")) !== 0);
const socketAddress = expectation("an IP address and a port, such as 192.0.2.1:50000 or [2001:db8::1]:50000", (value) => {
  const [, six = "", four = "", port] = (typeof value === "string" && /^(?:\[(.*)\]|([^:]*)):(\d{1,5})$/.exec(value)) || [];
  return isIP(six) + isIP(four) > 0 && Number(port) <= 65_535;
});

/** As deep as protobuf takes JSON for a Struct (its `recursion_limit`). */
const DEEPEST = 100;
const isDeeper = (value: unknown, than: number): boolean =>
  typeof value === "object" && value !== null && (than === 0 || Object.values(value).some((member) => isDeeper(member, than - 1)));
const metadata: Check = (value, path, problems) => {
  if (!isObject(value)) problems.push(`${path}: expected an object`);
  else if (isDeeper(value, DEEPEST)) problems.push(`${path}: nested deeper than ${DEEPEST} levels`);
};

/** Those of an answer: no server can send others, whereas a client may try what it wants. */
const sentHeaders = list((value, path, problems) => {
  const [name, content] = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : [];
  if (typeof name !== "string" || typeof content !== "string") problems.push(`${path}: expected a pair of strings, [name, value]`);
  // RFC 9110, sections 5.1 and 5.5.
  else if (!/^[!#$%&'*+\-.^_`|~\w]+$/.test(name)) problems.push(`${path}: ${JSON.stringify(name)} is no name of a header`);
  else if (/[\0\r\n]/.test(content)) problems.push(`${path}: the value has a line break or NUL`);
});

const request = fields({
  id: text,
  method: text,
  scheme: text,
  authority: text,
  path: text,
  headers,
  body,
  chunks: list(body),
  trailers: headers,
  reset: oneOf("in-request", "after-request", "in-response"),
  protocol: oneOf("http/1.1", "h2", "grpc", "websocket"),
  source: fields({ address: socketAddress, principal: text, labels, namespace: text }),
  destination: fields({ address, port: integer(0, 65_535), principal: text }),
  sni: text,
  time: instant,
  metadata,
  response: fields({
    status: expectation(STATUS_OF_ANSWER, isStatusOfAnswer),
    headers: sentHeaders,
    body,
    chunks: list(body),
    trailers: sentHeaders,
    delay: integer(0, 3_600_000),
    reset: oneOf("before-headers", "after-headers"),
  }),
});

/** Bytes of a line: bodies may be large. */
const LONGEST_LINE = 64 * 1024 * 1024;

/** Reads JSON lines, one after the other. `name` is what messages call the input. A line that is not UTF-8, or too long, is wrong alone. */
export async function* parseRequests(name: string, chunks: AsyncIterable<Uint8Array>): AsyncIterable<RequestLine> {
  for await (const read of readLines(chunks, LONGEST_LINE)) {
    if ("error" in read) yield { line: read.line, error: `${name}:${read.line}: ${read.error}` };
    else yield parseLine(name, read.line, read.text);
  }
}

function parseLine(name: string, line: number, source: string): RequestLine {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    return { line, error: `${name}:${line}: not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  const checked = checkRequest(value);
  if ("request" in checked) return { line, ...checked };
  const id = isObject(value) && typeof value["id"] === "string" ? { id: value["id"] } : {};
  return { line, ...id, error: `${name}:${line}: ${checked.error}` };
}

/** A value as a request, or what is wrong with it. */
export function checkRequest(value: unknown): { readonly request: ExchangeRequest } | { readonly error: string } {
  const problems: string[] = [];
  request(value, "", problems);
  if (isObject(value) && value["path"] === undefined) problems.push("path: is missing");
  if (isObject(value) && value["body"] !== undefined && value["chunks"] !== undefined)
    problems.push("chunks: stands instead of body, not beside it");
  const unsendable = problems.length === 0 ? sendableProblem(value as ExchangeRequest) : undefined;
  if (unsendable !== undefined) problems.push(unsendable);
  return problems.length === 0 ? { request: value as ExchangeRequest } : { error: problems.join("; ") };
}
