import type { Body, ClientReset, ExchangeRequest, HeaderList, ScriptedResponse } from "../target/index.ts";
import type { Dictionary } from "./dictionary.ts";
import type { Choices } from "./random.ts";

const METHODS = ["GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] as const;
const NAMES = [
  "accept",
  "accept-language",
  "authorization",
  "cache-control",
  "content-type",
  "cookie",
  "if-none-match",
  "origin",
  "range",
  "user-agent",
  "x-api-key",
  "x-forwarded-for",
  "x-request-id",
  "x-user",
] as const;
/** What parsers stumble over: nothing, edges of numbers, structures that are cut off. */
const VALUES = [
  "",
  " ",
  "0",
  "-1",
  "1",
  "255",
  "65536",
  "2147483648",
  "4294967296",
  "18446744073709551616",
  "1e309",
  "NaN",
  "true",
  "null",
  ",",
  ";",
  "=",
  "a=b; c=d",
  "a=; =b;;",
  "Bearer ",
  "Bearer a.b.c",
  "Bearer eyJhbGciOiJub25lIn0.e30.",
  "Basic YTpi",
  "bytes=0-",
  '"',
  "{",
  "[]",
  '{"a":{"b":[1,2]}}',
  "text/plain; charset=utf-8",
  "application/json",
  "multipart/form-data; boundary=x",
  "../../etc",
  "%00%ff%2f",
  "ü€😀",
  "a,b, c",
  "192.0.2.1, ::1",
] as const;
const PATHS = [
  "/",
  "//",
  "/..",
  "/./a",
  "/a/../b",
  "/%41%2f%5c",
  "/%ff",
  "/%",
  "/a;b=c",
  "/?",
  "/?a=b&a=&=c&%26=%3d",
  "/a?b?c",
  "/api/v1/items/42",
] as const;
const STATUSES = [200, 200, 200, 201, 204, 301, 304, 400, 401, 403, 404, 429, 500, 503] as const;
/** Where a client of a protocol may give up. */
const RESETS: Readonly<Record<"http/1.1" | "h2" | "grpc", readonly ClientReset[]>> = {
  "http/1.1": ["after-request"],
  h2: ["in-request", "after-request", "in-response"],
  grpc: ["in-request", "after-request", "in-response"],
};
const BODILESS = new Set([204, 304]);

/** A request, and what its upstream answers. */
export function makeRequest(choices: Choices, dictionary: Dictionary): ExchangeRequest {
  const protocol = choices.pick(["http/1.1", "http/1.1", "http/1.1", "h2", "h2", "grpc"] as const);
  const method = protocol === "grpc" ? undefined : choices.pick(METHODS);
  const hasBody = protocol === "grpc" || method === "POST" || method === "PUT" || method === "PATCH";
  const inPieces = hasBody && protocol !== "grpc" && choices.chance(0.4);
  const trailers = protocol !== "http/1.1" && hasBody && choices.chance(0.3) ? makeHeaders(choices, dictionary, 3) : undefined;
  const reset = choices.chance(0.06) ? choices.pick(RESETS[protocol]) : undefined;
  const response = choices.chance(0.7) ? makeResponse(choices, dictionary, protocol) : undefined;
  return withoutTwoResets({
    ...(protocol !== "http/1.1" && { protocol }),
    ...(method !== undefined && method !== "GET" && { method }),
    path: makePath(choices, dictionary),
    ...(choices.chance(0.15) && {
      authority: choices.pick(["example.com", "EXAMPLE.com:8080", "a", "192.0.2.7", "[::1]:80", "xn--bcher-kva.example"]),
    }),
    headers: makeHeaders(choices, dictionary, 6).filter(([name]) => protocol !== "grpc" || name !== "content-type"),
    ...(hasBody && !inPieces && { body: makeBody(choices, dictionary) }),
    ...(inPieces && { chunks: makePieces(choices, dictionary) }),
    ...(trailers !== undefined && trailers.length > 0 && { trailers }),
    ...(choices.chance(0.1) && { source: { address: `192.0.2.${choices.below(256)}:${1024 + choices.below(60_000)}` } }),
    ...(reset !== undefined && { reset }),
    ...(response !== undefined && { response }),
  });
}

/** Of a client that gives up and an upstream that does, the client. */
function withoutTwoResets(request: ExchangeRequest): ExchangeRequest {
  if (request.reset === undefined || request.response?.reset === undefined) return request;
  const { reset: _, ...response } = request.response;
  return { ...request, response };
}

/** `request` with one part made anew: what led somewhere once may lead further. */
export function mutateRequest(request: ExchangeRequest, choices: Choices, dictionary: Dictionary): ExchangeRequest {
  const other = makeRequest(choices, dictionary);
  const { headers = [] } = request;
  switch (choices.below(6)) {
    case 0:
      return { ...request, path: other.path };
    case 1:
      return { ...request, headers: [...headers, makeHeader(choices, dictionary)] };
    case 2: {
      if (headers.length === 0) return other;
      const at = choices.below(headers.length);
      return {
        ...request,
        headers: headers.map(([name, value], index) => [name, index === at ? makeValue(choices, dictionary) : value] as const),
      };
    }
    case 3:
      return headers.length === 0 ? other : { ...request, headers: headers.toSpliced(choices.below(headers.length), 1) };
    case 4:
      // What a response may be depends on the protocol.
      return request.protocol === other.protocol && other.response !== undefined
        ? withoutTwoResets({ ...request, response: other.response })
        : other;
    default:
      return { ...other, headers };
  }
}

function makePath(choices: Choices, dictionary: Dictionary): string {
  if (choices.chance(0.3)) return choices.pick(PATHS);
  const paths = dictionary.words.filter((word) => word.startsWith("/") && !/[\s#]/.test(word));
  const start = paths.length > 0 && choices.chance(0.6) ? choices.pick(paths) : "";
  const rest = choices.some(4, () => `/${encodeURIComponent(makeValue(choices, dictionary).slice(0, 200))}`).join("");
  const query = choices.chance(0.3) ? `?${encodeURIComponent(makeValue(choices, dictionary).slice(0, 100))}=${choices.below(1000)}` : "";
  const long = choices.chance(0.03) ? `/${"x".repeat(choices.pick([255, 256, 1024, 4096, 8000]))}` : "";
  return `${start}${rest}${long}` === "" ? `/${query}` : `${start}${rest}${long}${query}`;
}

function makeHeaders(choices: Choices, dictionary: Dictionary, most: number): HeaderList {
  const headers = choices.some(most, () => makeHeader(choices, dictionary));
  const [first] = headers;
  return first !== undefined && choices.chance(0.15) ? [...headers, [first[0], makeValue(choices, dictionary)]] : headers;
}

function makeHeader(choices: Choices, dictionary: Dictionary): readonly [string, string] {
  const { names } = dictionary;
  const name = names.length > 0 && choices.chance(0.7) ? choices.pick(choices.chance(0.6) ? names.slice(-40) : names) : choices.pick(NAMES);
  return [name, makeValue(choices, dictionary)];
}

function makeValue(choices: Choices, { words }: Dictionary): string {
  const kind = choices.next();
  if (words.length > 0 && kind < 0.4) return choices.pick(words).trim();
  if (kind < 0.75) return choices.pick(VALUES).trim();
  if (kind < 0.85) return String(choices.below(2 ** choices.below(40)));
  if (kind < 0.95) return letters(choices, 1 + choices.below(20));
  return letters(choices, choices.pick([63, 64, 127, 128, 255, 256, 257, 1024, 4096]));
}

function letters(choices: Choices, length: number): string {
  return Array.from({ length }, () => choices.pick([..."abcdefghijklmnopqrstuvwxyz0123456789-_.~/"])).join("");
}

function makeBody(choices: Choices, dictionary: Dictionary): Body {
  const kind = choices.next();
  if (kind < 0.2) return "";
  if (kind < 0.5) return makeValue(choices, dictionary);
  if (kind < 0.7) return JSON.stringify({ [makeValue(choices, dictionary)]: makeValue(choices, dictionary), n: choices.below(100) });
  if (kind < 0.9) return { base64: Buffer.from(Array.from({ length: choices.below(64) }, () => choices.below(256))).toString("base64") };
  return "x".repeat(choices.pick([1023, 1024, 4096, 16_384, 65_535, 65_536]));
}

function makePieces(choices: Choices, dictionary: Dictionary): readonly Body[] {
  return Array.from({ length: 1 + choices.below(4) }, () => makeBody(choices, dictionary));
}

function makeResponse(choices: Choices, dictionary: Dictionary, protocol: string): ScriptedResponse {
  const reset = choices.chance(0.04) ? choices.pick(["before-headers", "after-headers"] as const) : undefined;
  const status = protocol === "grpc" ? 200 : choices.pick(STATUSES);
  const hasBody = !BODILESS.has(status) && choices.chance(0.6);
  const inPieces = hasBody && protocol === "h2" && choices.chance(0.4);
  const trailers = protocol === "h2" && !BODILESS.has(status) && choices.chance(0.2) ? makeHeaders(choices, dictionary, 2) : [];
  return {
    ...(status !== 200 && { status }),
    headers: makeHeaders(choices, dictionary, 3),
    ...(hasBody && !inPieces && { body: makeBody(choices, dictionary) }),
    ...(inPieces && { chunks: makePieces(choices, dictionary) }),
    ...(trailers.length > 0 && { trailers }),
    ...(choices.chance(0.02) && { delay: 1 + choices.below(20) }),
    // What cannot have a body cannot be cut off in it.
    ...(reset !== undefined && !BODILESS.has(status) && { reset }),
  };
}
