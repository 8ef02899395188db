import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Host, HostError, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

// Generated and broken input: no configuration and no answer makes the module trap, hang or grow.

let module: string;
let host: Host;
let plugin: PluginHandle;

const MARK = "x-meshwright-ejection";
const GOOD = readFileSync(join(import.meta.dirname, "examples/config.json"), "utf8");
const validate = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(join(import.meta.dirname, "ejection.schema.json"), "utf8")) as object,
);

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 180_000);

beforeEach(() => {
  host = new Host({ clock: new ManualClock(), instances: { canary: false, mainThread: false, workers: 1 } });
  plugin = host.load({ name: "ejection", module, configuration: GOOD });
});

interface Answer {
  readonly address?: string | undefined;
  readonly cluster?: string;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
  readonly status?: string;
  readonly body?: readonly Uint8Array[];
  readonly trailers?: ReadonlyArray<readonly [string, string]>;
  /** The attempt ends so. */
  readonly end?: "whole" | "after-headers" | "before-headers";
}

/** One attempt, straight into the module, without what Envoy's codecs would have refused. Returns whether the answer is marked. */
function attempt({ cluster = "reviews", headers = [], status = "200", body = [], trailers, end = "whole", ...rest }: Answer = {}): boolean {
  const stream = host.chain([plugin]).openStream();
  Object.assign(stream.info, { cluster, upstreamAddress: "address" in rest ? rest.address : "10.0.0.1:80" });
  // In the upstream chain a stream has no response code as long as no answer was taken.
  Object.defineProperty(stream.info, "responseCode", { get: () => undefined, set: () => {} });
  stream.sendHeaders([
    [":method", "GET"],
    [":path", "/"],
    [":scheme", "http"],
    [":authority", "a"],
  ]);
  if (end === "before-headers") {
    stream.disconnect();
    return false;
  }
  const last = body.length === 0 && trailers === undefined && end === "whole";
  stream.respondHeaders([[":status", status], ...headers], last);
  for (const [index, piece] of body.entries())
    stream.respondData(piece, end === "whole" && trailers === undefined && index === body.length - 1);
  if (end === "after-headers") stream.disconnect();
  else if (trailers !== undefined) stream.respondTrailers(trailers);
  host.advance(1);
  return stream.response?.headers.some(([name]) => name === MARK) ?? false;
}

/** Gives the live plugin a new configuration: taken, or refused in one line with a place. Returns the line. */
function update(configuration: string | Uint8Array): string | undefined {
  const first = host.logs.lines.length;
  try {
    plugin.update(configuration);
    return undefined;
  } catch (error) {
    expect(HostError.from(error).code).toBe("configuration-refused");
    const lines = host.logs.lines.slice(first).filter(({ level }) => level !== "debug");
    const refusals = lines.filter(({ message }) => /^configuration of ejection refused: .* \(line \d+, column \d+\)/s.test(message));
    expect(refusals, lines.map(({ message }) => message).join("\n")).toHaveLength(1);
    expect(refusals[0]?.message).not.toMatch(/[\r\n]/);
    return refusals[0]?.message;
  }
}

const text = fc.oneof(
  fc.constantFrom(
    "",
    "5xx",
    "500-599",
    "599-500",
    "4xy",
    "1xx",
    "503",
    "UNAVAILABLE",
    "1s",
    "0s",
    "250ms",
    "end",
    "headers",
    "/r",
    "healthCheck",
    "reviews",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const leaf = fc.oneof(text, fc.double(), fc.integer(), fc.nat(120), fc.boolean(), fc.constant(null), fc.constant([]), fc.constant({}));
const fields = (names: readonly string[], value: fc.Arbitrary<unknown> = leaf) =>
  fc.oneof({ weight: 8, arbitrary: fc.dictionary(fc.constantFrom(...names, "typo"), value, { maxKeys: 4 }) }, leaf);
const string = fields(["exact", "prefix", "suffix", "contains", "regex", "present", "ignoreCase", "range"]);
const match = fc.oneof(
  fc.record(
    {
      status: fc.oneof(fc.array(fc.oneof(text, fc.integer({ min: 100, max: 700 })), { maxLength: 3 }), leaf),
      grpcStatus: fc.oneof(fc.array(fc.oneof(text, fc.nat(20)), { maxLength: 3 }), leaf),
      gatewayError: leaf,
      headers: fc.oneof(fc.dictionary(fc.oneof(fc.constantFrom("x-error", "A", ":status"), text), string, { maxKeys: 3 }), leaf),
      body: fields(["contains", "maxBytes"]),
      latency: fields(["above", "aboveQuantile", "until"]),
      reset: fc.oneof(fc.constant(true), leaf),
      localOriginError: fc.oneof(fc.constant(true), leaf),
    },
    { requiredKeys: [] },
  ),
  leaf,
);
const rule = fc.record({ name: text, match, consecutive: fc.oneof(fc.nat(10), leaf), typo: leaf }, { requiredKeys: ["name", "match"] });
const configuration = fc
  .record(
    {
      cluster: text,
      outlierDetection: fields([
        "consecutive5xxErrors",
        "consecutiveGatewayErrors",
        "interval",
        "baseEjectionTime",
        "maxEjectionPercent",
        "minHealthPercent",
        "splitExternalLocalOriginErrors",
        "consecutiveLocalOriginFailures",
      ]),
      rules: fc.oneof(fc.array(rule, { maxLength: 4 }), leaf),
      successRate: fields(["minimumHosts", "requestVolume", "stdevFactor"], fc.nat(2_000)),
      failurePercentage: fields(["minimumHosts", "requestVolume", "threshold"], fc.nat(200)),
      latency: fields(["minimumHosts", "requestVolume", "factor"], fc.nat(200)),
      ejectBy: text,
      hold: fields(["timeout", "bytes"]),
      report: fields(["cluster", "path", "authority", "period", "timeout", "maxHosts"]),
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.stringify(value));

const time = fc.constantFrom("1ms", "0.5s", "10s", "2m");
const quorum = { minimumHosts: fc.integer({ min: 1, max: 4_096 }), requestVolume: fc.integer({ min: 1, max: 1_000_000 }) };
const some = <T>(fields: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) => fc.record(fields, { requiredKeys: [] });
const goodMatch = fc.oneof(
  fc.record(
    { status: fc.array(fc.constantFrom(503, "5xx", "500-504", 599), { minLength: 1 }), reset: fc.constant(true) },
    { requiredKeys: ["status"] },
  ),
  fc.constant({ gatewayError: true }),
  fc.constant({ localOriginError: true }),
  fc.record({ grpcStatus: fc.array(fc.constantFrom(14, 0, "UNAVAILABLE"), { minLength: 1 }) }),
  fc.record({
    headers: fc.dictionary(fc.constantFrom("x-error", "Retry-After"), fc.constantFrom({}, { regex: "a+" }, { exact: "" }), { minKeys: 1 }),
  }),
  fc.record({ body: fc.record({ contains: fc.string({ minLength: 1, maxLength: 9 }) }) }),
  fc.record({ latency: fc.constantFrom({ above: "1s", until: "end" }, { aboveQuantile: 99.9 }, { above: "5ms", aboveQuantile: 50 }) }),
);
/** What the schema takes. */
const good = some({
  cluster: fc.constant("reviews"),
  outlierDetection: some({
    consecutive5xxErrors: fc.nat(10_000),
    consecutiveGatewayErrors: fc.nat(10_000),
    consecutiveLocalOriginFailures: fc.nat(10_000),
    splitExternalLocalOriginErrors: fc.boolean(),
    interval: time,
    baseEjectionTime: time,
    maxEjectionPercent: fc.nat(100),
    minHealthPercent: fc.nat(100),
  }),
  rules: fc
    .array(fc.record({ match: goodMatch, consecutive: fc.integer({ min: 1, max: 10_000 }) }), { maxLength: 13 })
    .map((rules) => rules.map((one, index) => ({ name: `rule ${index}`, ...one }))),
  successRate: some({ ...quorum, stdevFactor: fc.nat(100_000) }),
  failurePercentage: some({ ...quorum, threshold: fc.integer({ min: 1, max: 100 }) }),
  latency: some({ ...quorum, factor: fc.integer({ min: 2, max: 1_000 }) }),
  ejectBy: fc.constantFrom("outlierDetection", "healthCheck"),
  hold: fc.record(
    { timeout: time.filter((one) => one !== "2m"), bytes: fc.integer({ min: 1, max: 262_144 }) },
    { requiredKeys: ["timeout"] },
  ),
  report: fc.constantFrom(
    { cluster: "control" },
    { cluster: "control", path: "/a", authority: "b", period: "100ms", timeout: "1s", maxHosts: 1 },
  ),
}).map((one) => JSON.stringify(one));

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
  test("that the schema takes are taken", () => {
    fc.assert(
      fc.property(good, (value) => {
        expect(validate(JSON.parse(value)), value).toBe(true);
        expect(update(value)).toBeUndefined();
        attempt();
      }),
      { numRuns: 300 },
    );
  });

  test("of the schema's words are taken, as the schema takes them, or refused with a place", () => {
    fc.assert(
      fc.property(configuration, (value) => {
        if (update(value) === undefined) expect(validate(JSON.parse(value)), value).toBe(true);
        attempt();
      }),
      { numRuns: 800 },
    );
  });

  test("broken in places are taken, or refused with a place", () => {
    fc.assert(
      fc.property(broken, (value) => void update(value)),
      { numRuns: 600 },
    );
  });

  test.each([
    ["of random bytes", Buffer.from(Array.from({ length: 400 }, (_, i) => (i * 131) & 0xff)), "not JSON"],
    ["empty", "", "no configuration"],
    ["of the wrong type", "[]", "expected an object"],
    ["with an unknown field", '{"rulez":[]}', "rulez: unknown field; did you mean `rules`?"],
    ["with Istio's old name", '{"outlierDetection":{"consecutiveErrors":5}}', "outlierDetection.consecutiveErrors: unknown field"],
    [
      "with two rules of one name",
      '{"rules":[{"name":"a","match":{"reset":true}},{"name":"a","match":{"reset":true}}]}',
      "another rule has this name",
    ],
    ["with an empty match", '{"rules":[{"name":"a","match":{}}]}', "every answer would be a failure"],
    ["with a status that is none", '{"rules":[{"name":"a","match":{"status":["6xx"]}}]}', "rules[0].match.status[0]: expected a status"],
    ["with a gRPC status that is none", '{"rules":[{"name":"a","match":{"grpcStatus":["GONE"]}}]}', "is no gRPC status"],
    [
      "with local origin errors beside answers",
      '{"rules":[{"name":"a","match":{"localOriginError":true,"status":[500]}}]}',
      "a rule of its own",
    ],
    [
      "with a quantile until the end",
      '{"rules":[{"name":"a","match":{"latency":{"aboveQuantile":9,"until":"end"}}}]}',
      "until the headers",
    ],
    [
      "with 17 rules",
      JSON.stringify({ rules: Array.from({ length: 17 }, (_, i) => ({ name: `${i}`, match: { reset: true } })) }),
      "16 at most",
    ],
    ["with a hold without end", '{"hold":{"timeout":"2h"}}', "hold.timeout: must be from 1ms to 60s"],
    ["with a report that goes nowhere", '{"report":{}}', "report: `cluster` is missing"],
  ])("%s is refused", (_, value, problem) => {
    expect(update(value)).toContain(problem);
  });

  test("a thousand of them, taken or refused, leave memory as it was", () => {
    const values = fc.sample(fc.oneof(configuration, broken, good), { seed: 20, numRuns: 1_000 });
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
  outlierDetection: { interval: "100ms", baseEjectionTime: "50ms", consecutiveGatewayErrors: 2, splitExternalLocalOriginErrors: true },
  rules: [
    { name: "body", match: { body: { contains: "aab", maxBytes: 64 } }, consecutive: 2 },
    { name: "grpc", match: { grpcStatus: [14, "INTERNAL"] }, consecutive: 2 },
    { name: "regex", match: { headers: { "x-error": { regex: "(a|b)*c" } } } },
    { name: "slow", match: { latency: { above: "1ms", until: "end" } } },
    { name: "quantile", match: { latency: { aboveQuantile: 99.5 } } },
    { name: "reset", match: { reset: true, status: ["2xx"] } },
  ],
  successRate: { minimumHosts: 2, requestVolume: 1, stdevFactor: 500 },
  failurePercentage: { minimumHosts: 1, requestVolume: 1, threshold: 40 },
  latency: { minimumHosts: 2, requestVolume: 1, factor: 2 },
  report: { cluster: "control", period: "100ms", maxHosts: 10 },
});

const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "0",
    "14",
    "-1",
    "99999999999",
    "x".repeat(3_000),
    "ab".repeat(400),
    "\0",
    "\xff\xfe",
    "application/grpc",
    "application/grpc+proto",
  ),
);
const name = fc.oneof(
  fc.constantFrom("x-error", "grpc-status", "content-type", ":status", MARK, "x-envoy-immediate-health-check-fail"),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/),
);
const answer = fc.record({
  address: fc.oneof(
    fc.integer({ min: 0, max: 5_000 }).map((n) => `10.0.${n >> 8}.${n & 255}:80`),
    fc.constantFrom("[fe80::1%eth0]:80", "/tmp/socket", "", "x".repeat(300), undefined),
  ),
  cluster: fc.constantFrom("reviews", "ratings", "", "outbound|80||x"),
  status: fc.oneof(fc.constantFrom("200", "500", "503", "404"), value),
  headers: fc.array(fc.tuple(name, value), { maxLength: 6 }),
  body: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
  end: fc.constantFrom("whole", "whole", "after-headers", "before-headers" as const),
});

describe("answers of any kind", () => {
  test.each([
    ["without hold", EVERYTHING],
    ["with hold", JSON.stringify({ ...(JSON.parse(EVERYTHING) as object), hold: { timeout: "5ms", bytes: 50 } })],
    ["by health checks", JSON.stringify({ ...(JSON.parse(EVERYTHING) as object), ejectBy: "healthCheck" })],
  ])("neither trap nor grow, %s", (_, everything) => {
    plugin = host.load({ name: "everything", module, configuration: everything, allowOnHeadersStopIteration: true });
    fc.assert(
      fc.property(answer, (one) => void attempt(one)),
      { numRuns: 500 },
    );
    // As many hosts as are kept, and more.
    const answers = fc.sample(answer, { seed: 4, numRuns: 3_000 });
    for (const one of answers) attempt(one);
    for (const one of answers) attempt(one);
    const before = plugin.memorySize();
    for (const one of answers) attempt(one);
    expect(plugin.memorySize()).toBe(before);
  });

  test("a hundred thousand good ones at ten thousand hosts leave memory flat", () => {
    plugin.update(JSON.stringify({ outlierDetection: { interval: "1s", maxEjectionPercent: 100 }, failurePercentage: {} }));
    const chain = host.chain([plugin]);
    const run = (times: number) => {
      for (let i = 0; i < times; i++) {
        const stream = chain.openStream();
        Object.assign(stream.info, { cluster: "c", upstreamAddress: `10.0.${(i >> 8) % 40}.${i & 255}:80` });
        stream.sendHeaders([
          [":method", "GET"],
          [":path", "/"],
          [":scheme", "http"],
          [":authority", "a"],
        ]);
        stream.respond({ status: 200 });
        if (i % 1_000 === 0) host.advance(100);
      }
    };
    run(30_000);
    const before = plugin.memorySize();
    run(100_000);
    expect(plugin.memorySize()).toBe(before);
  }, 120_000);
});
