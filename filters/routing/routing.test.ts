import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Host, HostError, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

// Generated and broken input: no configuration and no request makes the module trap, hang or grow.

let module: string;
let host: Host;
let plugin: PluginHandle;

const GOOD = readFileSync(join(import.meta.dirname, "examples/config.json"), "utf8");

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 120_000);

beforeEach(() => {
  host = new Host({ clock: new ManualClock(), instances: { canary: false, mainThread: false, workers: 1 } });
  plugin = host.load({ name: "routing", module, configuration: GOOD });
});

/** Where a request goes now. It ends, because a live stream would keep its configuration. */
function routed(): string | undefined {
  const stream = host.chain([plugin]).request({ path: "/" });
  const route = stream.requestHeader("x-meshwright-route");
  stream.disconnect();
  return route;
}

/**
 * Gives the live plugin a new configuration. It must be taken, or refused in one line with a place while the one before goes on. Returns the line.
 */
function update(configuration: string | Uint8Array): string | undefined {
  const before = routed();
  const first = host.logs.lines.length;
  try {
    plugin.update(configuration);
    return undefined;
  } catch (error) {
    expect(HostError.from(error).code).toBe("configuration-refused");
    const lines = host.logs.lines.slice(first).filter(({ level }) => level !== "debug");
    const refusals = lines.filter(({ message }) => /^configuration of routing refused: .* \(line \d+, column \d+\)/s.test(message));
    expect(refusals, lines.map(({ message }) => message).join("\n")).toHaveLength(1);
    expect(refusals[0]?.message).not.toMatch(/[\r\n]/);
    expect(routed()).toBe(before);
    return refusals[0]?.message;
  }
}

const text = fc.oneof(
  fc.constantFrom("", "/", "/a", "v1", "x-h", ":path", "10.0.0.0/8", "1s", "{*}", "/a/{b=*}", "a*", "5xx", "https"),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const pattern = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."ab()[]{}|*+?.^$\\d-,0123:<>P=i&"), maxLength: 24 }),
  fc.constantFrom("(a*)*b", "(?i)x{1000}", "[[:alpha:]]+", "\\pN", "((((((a{100}){100}){100}))))", "a**", "(?P<n>a)(?P<n>b)"),
);
const leaf = fc.oneof(text, fc.double(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant([]), fc.constant({}));
const string = fc.oneof(
  fc.record(
    {
      exact: text,
      prefix: text,
      suffix: text,
      contains: text,
      regex: pattern,
      template: text,
      present: fc.boolean(),
      ignoreCase: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
  leaf,
);
const named = fc.dictionary(
  fc.oneof(
    fc.constantFrom("x-h", "x-user", "A", ":method", "@request.auth.claims.g", "@request.auth.claims[a][b]", "@request.auth.claims["),
    text,
  ),
  string,
  { maxKeys: 3 },
);
const match = fc.record(
  {
    uri: string,
    method: string,
    scheme: string,
    authority: string,
    headers: named,
    withoutHeaders: named,
    queryParams: named,
    cookies: named,
    sourceIpBlocks: fc.oneof(fc.array(text, { maxLength: 3 }), leaf),
    percentage: fc.oneof(fc.record({ value: fc.oneof(fc.double({ min: -1, max: 101 }), leaf), by: leaf }, { requiredKeys: [] }), leaf),
  },
  { requiredKeys: [] },
);
const headers = fc.record({ set: named, add: named, remove: fc.array(text, { maxLength: 2 }) }, { requiredKeys: [] });
const rule = fc.record(
  {
    name: text,
    match: fc.oneof(match, fc.array(match, { maxLength: 3 }), leaf),
    route: fc.oneof(text, leaf),
    cluster: text,
    weighted: fc.array(fc.record({ weight: fc.oneof(fc.nat(), leaf), cluster: text, route: text, headers }, { requiredKeys: [] }), {
      maxLength: 3,
    }),
    redirect: fc.record(
      { uri: text, prefixRewrite: text, scheme: text, authority: text, port: leaf, redirectCode: leaf },
      { requiredKeys: [] },
    ),
    directResponse: fc.record({ status: fc.oneof(fc.nat(700), leaf), body: text }, { requiredKeys: [] }),
    headers: fc.record({ request: headers, response: headers }, { requiredKeys: [] }),
    rewrite: fc.oneof(
      fc.record({ uri: text, authority: text, uriRegex: fc.record({ match: pattern, rewrite: text }) }, { requiredKeys: [] }),
      leaf,
    ),
    timeout: text,
    retries: fc.record({ attempts: leaf, retryOn: text, perTryTimeout: text }, { requiredKeys: [] }),
    typo: leaf,
  },
  { requiredKeys: ["name"] },
);
const configuration = fc.record({ rules: fc.array(rule, { maxLength: 4 }) }).map((value) => JSON.stringify(value));

/** The example with bytes replaced, taken out or put in. */
const broken = fc
  .array(fc.tuple(fc.nat(Buffer.byteLength(GOOD)), fc.nat(3), fc.uint8Array({ maxLength: 4 })), { minLength: 1, maxLength: 4 })
  .map((edits) =>
    edits.reduce(
      (bytes, [at, removed, added]) => Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]),
      Buffer.from(GOOD),
    ),
  );

describe("configurations of any kind", () => {
  test("generated by the schema's words are taken, or refused with a place", () => {
    let taken = 0;
    fc.assert(
      fc.property(configuration, (value) => {
        if (update(value) === undefined) taken++;
      }),
      { numRuns: 600 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  test("broken in places are taken, or refused with a place", () => {
    fc.assert(
      fc.property(broken, (value) => void update(value)),
      { numRuns: 600 },
    );
  });

  test.each([
    ["of random bytes", Buffer.from(Array.from({ length: 400 }, (_, i) => (i * 131) & 0xff))],
    ["not UTF-8", Buffer.concat([Buffer.from('{"rules":[{"name":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}]}')])],
    ["too deep", `${"[".repeat(1_000)}${"]".repeat(1_000)}`],
    ["too large", `{"rules":[],"x":"${"y".repeat(2 << 20)}"}`],
    ["of the wrong type", "[]"],
    ["with an unknown field", '{"rules":[],"rulez":[]}'],
    ["with a field twice", '{"rules":[],"rules":[]}'],
    ["with a regular expression that does not compile", '{"rules":[{"name":"a","match":{"uri":{"regex":"("}},"route":"x"}]}'],
    [
      "with a regular expression that is too large",
      '{"rules":[{"name":"a","match":{"uri":{"regex":"((a{100}){100}){100}"}},"route":"x"}]}',
    ],
    ["with a claim of no name", '{"rules":[{"name":"a","match":{"headers":{"@request.auth.claims":{}}},"route":"x"}]}'],
    ["with a claim whose bracket is open", '{"rules":[{"name":"a","match":{"withoutHeaders":{"@request.auth.claims[a":{}}},"route":"x"}]}'],
    ["with another name of Istio's", '{"rules":[{"name":"a","match":{"headers":{"@request.auth.principal":{}}},"route":"x"}]}'],
  ])("%s is refused", (_, value) => {
    expect(update(value)).toBeDefined();
  });

  test("a thousand of them, taken or refused, leave memory as it was", () => {
    const values = fc.sample(fc.oneof(configuration, broken), { seed: 20, numRuns: 1_000 });
    const run = () => {
      for (const value of values) update(value);
    };
    run();
    const before = plugin.memorySize();
    run();
    expect(plugin.memorySize()).toBe(before);
  });
});

const EVERYTHING = JSON.stringify({
  rules: [
    { name: "regex", match: { uri: { regex: "/(a|b)*/[0-9]+.*" }, headers: { "x-h": { regex: "(x+x+)+y" } } }, route: "v1" },
    {
      name: "template",
      match: { uri: { template: "/{a=*}/{b=**}" }, cookies: { c: { prefix: "z" } } },
      rewrite: { uri: "/x" },
      route: "v1",
    },
    { name: "query", match: { queryParams: { q: { suffix: "1" } }, sourceIpBlocks: ["10.0.0.0/8"] }, redirect: { uri: "/y" } },
    {
      name: "share",
      match: { percentage: { value: 50, by: { header: "x-h" } } },
      headers: { request: { set: { "x-s": "1" } } },
      route: "v2",
    },
    { name: "host", match: { authority: { suffix: ".com" } }, route: "v3" },
    { name: "rest", route: "v4" },
  ],
});

const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "x".repeat(5_000), "xx".repeat(600), "\0", "\xff\xfe", "%00", "c=z; c=1"),
);
const name = fc.oneof(
  fc.constantFrom("x-h", "cookie", ":path", ":authority", ":method", ":scheme", "host", "x-forwarded-for", "x-meshwright-route"),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/),
);

describe("requests of any kind", () => {
  beforeEach(() => {
    plugin.update(EVERYTHING);
  });

  /** Straight into the module, without what Envoy's codecs would have refused or normalised. */
  function pass(headers: ReadonlyArray<readonly [string, string]>, path?: string): void {
    const stream = host.chain([plugin]).openStream();
    stream.sendHeaders([
      ...(path === undefined ? [] : [[":path", path] as const]),
      [":method", "GET"],
      [":authority", "a.org"],
      ...headers,
    ]);
    if (stream.state === "forwarded") stream.respond({ status: 200 });
  }

  test("neither trap nor grow", () => {
    const request = fc.tuple(fc.array(fc.tuple(name, value), { maxLength: 30 }), value);
    fc.assert(
      fc.property(request, ([headers, path]) => pass(headers, path)),
      { numRuns: 500 },
    );
    const before = plugin.memorySize();
    for (const [headers, path] of fc.sample(request, { seed: 4, numRuns: 2_000 })) pass(headers, path);
    expect(plugin.memorySize()).toBe(before);
  });

  test.each([
    ["1,000 headers", Array.from({ length: 1_000 }, (_, i) => [`x-${i}`, "v"] as const), "/"],
    ["a header of 1 MiB", [["x-h", "x".repeat(1 << 20)] as const], "/"],
    ["a path of 1 MiB", [], `/${"a/".repeat(1 << 19)}1`],
    ["NUL", [["x-h", "a\0b"] as const], "/a\0b"],
    ["invalid UTF-8", [["x-h", "\xc3\x28\xff"] as const], "/\xff"],
    ["pseudo-headers twice", [[":path", "/other"] as const, [":authority", "b.com"] as const], "/"],
    ["an empty path", [], ""],
    ["no path", [], undefined],
  ])("with %s pass", (_, headers, path) => {
    pass(headers, path);
    expect(routed()).toMatch(/^v[24]$/);
  });
});
