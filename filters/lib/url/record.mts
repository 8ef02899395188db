/**
 * Records what Envoy makes of request targets and of query parameters, into the tables that the tests beside this file read:
 * `ENVOY_BIN=... node filters/lib/url/record.mts`. The seed is fixed, so the same Envoy gives the same tables.
 */
import { writeFile } from "node:fs/promises";
import * as fc from "fast-check";
import { envoyVersion, mapConcurrently, RecordingEnvoy } from "../../testing/recording-envoy.ts";

const SEED = 20261121;

/** Answers every request with the path as the router sees it. */
const echo = routes([
  { match: { prefix: "" }, direct_response: { status: 200 }, response_headers_to_add: [header("x-path", "%REQ(:PATH)%")] },
]);

/** Answers with the one of `values` that the first parameter or cookie `v` matches exactly, and with 404 where it is missing or another. */
function exactly(field: "query_parameters" | "cookies", values: readonly string[]): object {
  return routes(
    values.map((value, index) => ({
      match: { prefix: "", [field]: [{ name: "v", string_match: { exact: value } }] },
      direct_response: { status: 200 },
      response_headers_to_add: [header("x-index", String(index))],
    })),
  );
}

function routes(list: readonly object[]): object {
  return { route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: list }] } };
}

function header(key: string, value: string): object {
  return { header: { key, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };
}

/** The columns of the table. `plain` shows which targets Envoy's codec refuses by itself; or changes by itself; these are left out. */
const managers = {
  plain: { ...echo },
  normalize: { ...echo, normalize_path: true },
  merge: { ...echo, merge_slashes: true },
  unescape: { ...echo, path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD" },
  all: { ...echo, normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD" },
  reject: { ...echo, normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: "REJECT_REQUEST" },
};

function targets(): string[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const hex = (byte: number): string => byte.toString(16).padStart(2, "0");
  const token = fc.constantFrom(
    ..."/ / // . .. %2e %2E . /..; /.; \\ %5c %2f %2F a b %61 %4A %7e % %% %2 %3 %30 3 0 %zz %00 ; * é ( ? =".split(" "),
  );
  const path = fc.array(token, { minLength: 1, maxLength: 10 }).map((parts) => "/" + parts.join(""));
  return [
    "/",
    "//",
    "/.",
    "/..",
    "/../..",
    "/a/..",
    "/a/../b",
    "/a/./b",
    "/a/b/../../..",
    "/a/.../b",
    "/a/..b",
    "/a/b.",
    "/a/b..",
    "*",
    "a",
    "a/../b",
    "/a%2f..%2fb",
    "/a/%2e%2e",
    "/a/.%2E/b",
    "/a/%2e",
    "/a%2fb%5Cc?x=%2f",
    "/%%300",
    "/%%30%30",
    "/%3%30",
    "/%%61%61",
    "/%%610?%",
    "/%2%35%33",
    "/a\\..\\b",
    "\\a",
    "/a?b/../c",
    "/a?//",
    "/?",
    "/a//",
    "//a",
    "///",
    "/a///b//c/",
    "/A%2FB",
    "/%E3%81%82",
    "/%c3%28",
    "/\u00e3\u0081",
    "/..;/a",
    "/a/%2e%2e%2fb",
    "/%252e%252e/a",
    "/.%",
    "/..%",
    "/%2e%",
    "/%2",
    "/.;/a",
    "/.;",
    "/..;",
    "/a/..;",
    "/a/.;x",
    "/a/..;x=1/b",
    "/a/%2e%2e;/b",
    "/a/..%3b/b",
    "/a/..%3B/b",
    "/a/...;/b",
    "/a;x/../b",
    "/a/.;./b",
    "/a/..;?x",
    "/a/..;\\b",
    "/a/.;x/b",
    "/a/..;;/b",
    "/a/..;%2f/b",
    "/a/..;%/b",
    "/a/..;%00/b",
    "/a/..;x;y/c",
    "/a/b;..;/c",
    "/a/;../c",
    "/a/;/../c",
    "/a;/b",
    "/a/.%3b/b",
    "/a/..;a..;/b",
    ...bytes.map((byte) => `/a%${hex(byte)}b`),
    ...bytes.map((byte) => `/a%${hex(byte).toUpperCase()}b`).filter((text) => /[A-F]/.test(text)),
    ...bytes.map((byte) => `/a${String.fromCharCode(byte)}b`),
    ...fc.sample(path, { seed: SEED, numRuns: 700 }),
  ];
}

function queries(): string[] {
  const token = fc.constantFrom(..."v v v= v=1 V=2 w=3 & & ; = %76 + %20 %3d /".split(" "));
  const query = fc.array(token, { maxLength: 9 }).map((parts) => parts.join(""));
  return [
    "",
    "v",
    "v=",
    "v=1&v=2",
    "v=2&v=1",
    "v&v=2",
    "&v=1",
    "v=1;v=2",
    "w=1;v=2",
    "v=a=b",
    "v=%41",
    "%76=1",
    "=v",
    "v=1&",
    "v=?v=2",
    ...fc.sample(query, { seed: SEED, numRuns: 200 }),
  ];
}

function cookieHeaders(): string[] {
  const token = fc.constantFrom(...'v v v= v=1 V=2 w=3 ; ; = " "a" %41'.split(" "), " ", "; ", ",", "\t");
  const value = fc.array(token, { minLength: 1, maxLength: 9 }).map((parts) => parts.join(""));
  const written = [
    "v",
    "v=",
    "v=1; v=2",
    "v=2; v=1",
    "v=1;v=2",
    "w=1;  v=2",
    "w=1;\tv=2",
    'v="1"',
    'v="',
    'v="1',
    'v=""',
    "v =1",
    "v= 1",
    "v=1 ; w=2",
    "v=a=b",
    ";v=1",
    "v;v=1",
    "=v",
    "V=1",
  ];
  return [...written, ...fc.sample(value, { seed: SEED, numRuns: 300 }).map((text) => text.trim())];
}

/** Every part of a text from one separator to another, also without quotes and spaces: what some reading could take for the value. */
function parts(text: string): string[] {
  const cuts = [...text.matchAll(/[=&; ]|$/g)].map((match) => match.index);
  const between = ["", ...cuts.flatMap((start) => cuts.filter((end) => end > start).map((end) => text.slice(start + 1, end)))];
  return between.flatMap((part) => [part, part.trim(), part.replaceAll('"', "")]);
}

const queryList = [...new Set(queries())];
const cookieList = [...new Set(cookieHeaders())];
const queryValues = [...new Set(queryList.flatMap((query) => [query, decodeURIComponent(query)]).flatMap(parts))];
const cookieValues = [...new Set(cookieList.flatMap(parts))];

await using envoy = await RecordingEnvoy.start({
  ...managers,
  query: exactly("query_parameters", queryValues),
  cookie: exactly("cookies", cookieValues),
});
const version = await envoyVersion();

async function path(listener: keyof typeof managers, target: string): Promise<string | null> {
  const { status, headers } = await envoy.request(listener, target);
  return status === 400 ? null : (headers.get("x-path") ?? "");
}

const rows = await mapConcurrently([...new Set(targets())], 16, async (target) => {
  const plain = await path("plain", target);
  if (plain !== target) return [];
  const { normalize, merge, unescape, all, reject } = managers;
  const columns = Object.keys({ normalize, merge, unescape, all, reject }) as (keyof typeof managers)[];
  return [[target, ...(await Promise.all(columns.map((listener) => path(listener, target))))]];
});
async function firstValue(
  listener: "query" | "cookie",
  values: readonly string[],
  target: string,
  headers: Record<string, string>,
): Promise<string | null> {
  const response = await envoy.request(listener, target, headers);
  return response.status === 200 ? (values[Number(response.headers.get("x-index"))] ?? null) : null;
}

const queryRows = await mapConcurrently(queryList, 16, async (query) => [query, await firstValue("query", queryValues, `/?${query}`, {})]);
const cookieRows = await mapConcurrently(cookieList, 16, async (text) => [
  text,
  await firstValue("cookie", cookieValues, "/", { Cookie: text }),
]);

async function write(name: string, columns: string[], table: readonly unknown[][]): Promise<void> {
  const note = `Recorded from Envoy ${version} by record.mts in this folder; a character stands for a byte, null for no value or an answer of 400.`;
  const lines = table.map((row) => JSON.stringify(row));
  const text = `{\n"note": ${JSON.stringify(note)},\n"columns": ${JSON.stringify(columns)},\n"rows": [\n${lines.join(",\n")}\n]\n}\n`;
  await writeFile(new URL(name, import.meta.url), text);
}

await write("normalize.vectors.json", ["target", "normalize", "merge", "unescape", "all", "reject"], rows.flat());
await write("query.vectors.json", ["query", "first v"], queryRows);
await write("cookie.vectors.json", ["header", "first v"], cookieRows);
