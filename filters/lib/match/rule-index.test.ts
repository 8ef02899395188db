import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(import.meta.dirname, "testing.ts")));
});

type Condition = { readonly exact?: string; readonly prefix?: string; readonly present?: boolean };
type Named = Readonly<Record<string, Condition>>;

interface Block {
  readonly uri?: Condition;
  readonly authority?: Condition;
  readonly method?: Condition;
  readonly headers?: Named;
  readonly withoutHeaders?: Named;
  readonly queryParams?: Named;
  readonly cookies?: Named;
}

type Pairs = ReadonlyArray<readonly [string, string]>;

interface Request {
  readonly path: string;
  readonly host: string;
  readonly method: string;
  readonly headers: Pairs;
  readonly query: Pairs;
  readonly cookies: Pairs;
  /** Of the claim `c`; absent for a request without a token, null for one that cannot be read. */
  readonly claim?: readonly string[] | null;
}

const CLAIM = "@request.auth.claims.c";

/** The definition: every block of every rule, in order. */
function firstRule(rules: ReadonlyArray<readonly Block[]>, request: Request): number {
  return rules.findIndex((blocks) => blocks.some((block) => matches(block, request)));
}

function matches(block: Block, request: Request): boolean {
  const values = (pairs: Pairs, name: string) => pairs.filter(([each]) => each === name).map(([, value]) => value);
  const header = ([name, condition]: [string, Condition]) =>
    holds(condition, name === CLAIM ? (request.claim ?? []) : values(request.headers, name));
  const first =
    (pairs: Pairs) =>
    ([name, condition]: [string, Condition]) =>
      holds(condition, values(pairs, name).slice(0, 1));
  const { headers = {}, withoutHeaders = {}, queryParams = {}, cookies = {} } = block;
  if (request.claim === null && (CLAIM in headers || CLAIM in withoutHeaders)) return false;
  return (
    holds(block.uri, [request.path]) &&
    holds(folded(block.authority), [request.host.toLowerCase()]) &&
    holds(block.method, [request.method]) &&
    Object.entries(headers).every(header) &&
    !Object.entries(withoutHeaders).some(header) &&
    Object.entries(queryParams).every(first(request.query)) &&
    Object.entries(cookies).every(first(request.cookies))
  );
}

function folded(condition: Condition | undefined): Condition | undefined {
  if (condition === undefined) return undefined;
  return Object.fromEntries(Object.entries(condition).map(([kind, text]) => [kind, String(text).toLowerCase()]));
}

function holds(condition: Condition | undefined, values: readonly string[]): boolean {
  if (condition === undefined) return true;
  if (condition.present === false) return values.length === 0;
  if (condition.exact !== undefined) return values.includes(condition.exact);
  if (condition.prefix !== undefined) return values.some((value) => value.startsWith(condition.prefix ?? ""));
  return values.length > 0;
}

const path = fc.constantFrom("/", "/a", "/a/", "/a/b", "/ab", "/b");
const host = fc.constantFrom("a.org", "A.org", "b.org");
const value = fc.constantFrom("x", "y", "xy");
const condition = fc.oneof(
  fc.record({ exact: value }),
  fc.record({ prefix: value }),
  fc.constant({}),
  fc.record({ present: fc.boolean() }),
);
const pathCondition = fc.oneof(fc.record({ exact: path }), fc.record({ prefix: path }));
const hostCondition = fc.oneof(fc.record({ exact: host }), fc.record({ prefix: host }));
const named = fc.dictionary(fc.constantFrom("h", "i"), condition, { maxKeys: 2 });
const namedOrClaim = fc.dictionary(fc.constantFrom("h", "i", CLAIM), condition, { maxKeys: 2 });
const block: fc.Arbitrary<Block> = fc.record(
  {
    uri: pathCondition,
    authority: hostCondition,
    method: fc.record({ exact: fc.constantFrom("GET", "PUT") }),
    headers: namedOrClaim,
    withoutHeaders: namedOrClaim,
    queryParams: named,
    cookies: named,
  },
  { requiredKeys: [] },
);
const pairs = fc.array(fc.tuple(fc.constantFrom("h", "i"), value), { maxLength: 4 });
const request: fc.Arbitrary<Request> = fc.record(
  {
    path,
    host,
    method: fc.constantFrom("GET", "PUT"),
    headers: pairs,
    query: pairs,
    cookies: pairs,
    claim: fc.option(fc.array(value, { maxLength: 3 })),
  },
  { requiredKeys: ["path", "host", "method", "headers", "query", "cookies"] },
);

/** As `testing.ts` reads a request. */
function encoded({ claim, ...rest }: Request): string {
  const claims = claim === undefined ? "" : claim === null ? "{" : JSON.stringify({ claims: { c: claim } });
  return JSON.stringify({ ...rest, claims });
}

describe("the index", () => {
  test("finds the first rule of which one block holds, wherever it keeps it", () => {
    let found = 0;
    fc.assert(
      fc.property(fc.array(fc.array(block, { minLength: 1, maxLength: 3 }), { maxLength: 12 }), fc.array(request), (rules, requests) => {
        expect(calls.text("parseRules", JSON.stringify(rules))).toBeNull();
        for (const each of requests) {
          const expected = firstRule(rules, each);
          expect(calls.number("findRule", encoded(each))).toBe(expected);
          if (expected >= 0) found++;
        }
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(0);
  });

  test.each([
    ["a claim without a name", { headers: { "@request.auth.claims": {} } }, "expected @request.auth.claims.NAME"],
    ["a bracket that is open", { withoutHeaders: { "@request.auth.claims[a": {} } }, "expected @request.auth.claims.NAME"],
    ["a claim of a name that is none", { headers: { "@request.auth.principal": {} } }, "`@request.auth.principal` is no header name"],
    ["an unknown field", { uris: {} }, "[0][0].uris: unknown field; did you mean `uri`?"],
    ["no address", { sourceIpBlocks: ["10.0.0"] }, "[0][0].sourceIpBlocks[0]: expected an address or a range"],
    ["a share beyond everything", { percentage: { value: 101 } }, "[0][0].percentage.value: must be from 0 to 100"],
  ])("%s is refused", (_, match, problem) => {
    expect(calls.text("parseRules", JSON.stringify([[match]]))).toContain(problem);
  });
});

describe("a bucket", () => {
  const bucketOf = (by: object, from: object) => {
    expect(calls.text("compileBucketing", JSON.stringify(by))).toBeNull();
    return calls.number("bucketOf", JSON.stringify(from));
  };
  const RANDOM = 500_000;

  test.each([
    ["header", { header: "H" }, (key: string) => ({ headers: [["h", key]] })],
    ["cookie", { cookie: "c" }, (key: string) => ({ cookies: [["c", key]] })],
    ["source address", { sourceAddress: true }, (key: string) => ({ source: key })],
  ])("by %s depends on the key and the seed only, and is random without the key", (_, by, from) => {
    const first = bucketOf(by, from("ann"));
    expect(bucketOf(by, { ...from("ann"), path: "/other" })).toBe(first);
    expect(bucketOf(by, from("bob"))).not.toBe(first);
    expect(bucketOf({ ...by, seed: 7 }, from("ann"))).not.toBe(first);
    expect(bucketOf(by, {})).toBe(RANDOM);
  });

  test("takes a share of the keys that is the share asked for", () => {
    expect(calls.text("compileBucketing", '{"header":"h"}')).toBeNull();
    let below = 0;
    for (let i = 0; i < 20_000; i++) if (calls.number("bucketOf", `{"headers":[["h","user-${i}"]]}`) < 300_000) below++;
    // Five standard deviations of a binomial distribution.
    expect(Math.abs(below - 6_000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.3 * 0.7));
  });
});
