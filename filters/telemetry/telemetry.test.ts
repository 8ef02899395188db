import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Host, HostError, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { metadataHeader } from "./testing/metadata.ts";
import { seriesOf } from "./testing/series.ts";

// Generated and broken input: no configuration and no request makes the module trap, hang or grow. And what targets cannot show: histograms.

let module: string;
let host: Host;
let plugin: PluginHandle;

const GOOD = readFileSync(join(import.meta.dirname, "examples/config.json"), "utf8");
const HEADER = "x-envoy-peer-metadata";

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 180_000);

beforeEach(() => {
  host = new Host({ clock: new ManualClock(), instances: { canary: false, mainThread: false, workers: 1 } });
  plugin = host.load({ name: "telemetry", module, configuration: GOOD });
});

/** Sends a request that is answered after `milliseconds`. */
function exchange(headers: ReadonlyArray<readonly [string, string]> = [], milliseconds = 0): void {
  const stream = host.chain([plugin]).openStream();
  stream.sendHeaders([[":path", "/"], [":method", "GET"], [":authority", "a.org"], ...headers]);
  if (milliseconds > 0) host.advance(milliseconds);
  stream.respond({ status: 200, headers: [["x", "y"]], body: "hello" });
}

const counted = () =>
  seriesOf(host.metrics.values()).reduce((sum, { name, value }) => sum + (name === "istio_requests_total" ? value : 0), 0);

describe("histograms", () => {
  const nameOf = (metric: string) =>
    Object.keys(host.metrics.values())
      .find((name) => name.endsWith("istio_requests_total"))
      ?.replace("istio_requests_total", metric) ?? "";

  test("have the duration in milliseconds, and the bytes of both messages with their headers", () => {
    plugin.update("{}");
    exchange([], 1_234);
    expect(host.metrics.histogram(nameOf("istio_request_duration_milliseconds"))).toEqual([1_234]);
    const [request] = host.metrics.histogram(nameOf("istio_request_bytes"));
    const [response] = host.metrics.histogram(nameOf("istio_response_bytes"));
    expect(request).toBe(":path/:methodGET:authoritya.org".length);
    expect(response).toBe("hello".length + ":status200xy".length);
  });

  test.each([
    ["REQUEST_DURATION", "istio_request_duration_milliseconds"],
    ["REQUEST_SIZE", "istio_request_bytes"],
    ["RESPONSE_SIZE", "istio_response_bytes"],
  ])("%s disabled: no %s", (metric, name) => {
    plugin.update(JSON.stringify({ metrics: [{ overrides: [{ match: { metric }, disabled: true }] }] }));
    exchange();
    const all = ["istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"];
    expect(all.filter((other) => host.metrics.histogram(nameOf(other)).length === 1)).toEqual(all.filter((other) => other !== name));
  });
});

/** Gives the live plugin a new configuration: taken, or refused in one line with a place while the one before goes on. Returns the line. */
function update(configuration: string | Uint8Array): string | undefined {
  const first = host.logs.lines.length;
  try {
    plugin.update(configuration);
    return undefined;
  } catch (error) {
    expect(HostError.from(error).code).toBe("configuration-refused");
    const lines = host.logs.lines.slice(first).filter(({ level }) => level !== "debug");
    const refusals = lines.filter(({ message }) => /^configuration of telemetry refused: .* \(line \d+, column \d+\)/s.test(message));
    expect(refusals, lines.map(({ message }) => message).join("\n")).toHaveLength(1);
    expect(refusals[0]?.message).not.toMatch(/[\r\n]/);
    return refusals[0]?.message;
  } finally {
    const before = counted();
    exchange();
    expect(counted()).toBeGreaterThanOrEqual(before);
  }
}

const text = fc.oneof(
  fc.constantFrom("", "a", "reporter", "response_code", "REMOVE", "UPSERT", "prometheus"),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const expression = fc.oneof(
  fc
    .array(
      fc.constantFrom(
        ..."( ) [ ] . + ! ? : == != && || in has( string( 'a' \"b\" 1 true request response.code request.headers ['x'] .contains( .startsWith( x ' \\ @ \0 ü".split(
          " ",
        ),
      ),
      { maxLength: 14 },
    )
    .map((parts) => parts.join("")),
  fc.constantFrom(
    "request.method",
    "'x' in request.headers ? request.headers['x'] : 'none'",
    "response.code == 200",
    "(".repeat(40),
    "!".repeat(40),
    "a.".repeat(600),
  ),
  text,
);
const leaf = fc.oneof(text, fc.double(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant([]), fc.constant({}));
const metric = fc.oneof(fc.constantFrom("ALL_METRICS", "REQUEST_COUNT", "REQUEST_SIZE", "GRPC_REQUEST_MESSAGES", "TCP_SENT_BYTES"), leaf);
const tags = fc.dictionary(
  fc.oneof(fc.constantFrom("reporter", "response_code", "mine", "other", "a-b"), text),
  fc.oneof(
    fc.record({ operation: fc.oneof(fc.constantFrom("UPSERT", "REMOVE"), leaf), value: fc.oneof(expression, leaf) }, { requiredKeys: [] }),
    leaf,
  ),
  { maxKeys: 4 },
);
const override = fc.record(
  {
    match: fc.oneof(
      fc.record({ metric, mode: fc.oneof(fc.constantFrom("CLIENT", "SERVER", "CLIENT_AND_SERVER"), leaf) }, { requiredKeys: [] }),
      leaf,
    ),
    disabled: fc.oneof(fc.boolean(), leaf),
    tagOverrides: fc.oneof(tags, leaf),
  },
  { requiredKeys: [] },
);
const configuration = fc
  .record(
    {
      mode: fc.oneof(fc.constantFrom("inbound", "outbound", "gateway"), leaf),
      metrics: fc.oneof(
        fc.array(
          fc.record(
            {
              providers: fc.oneof(fc.array(fc.record({ name: text })), leaf),
              overrides: fc.oneof(fc.array(override, { maxLength: 4 }), leaf),
            },
            { requiredKeys: [] },
          ),
          { maxLength: 3 },
        ),
        leaf,
      ),
      peerMetadata: fc.oneof(
        fc.record(
          { exchange: fc.oneof(fc.boolean(), leaf), trust: fc.oneof(fc.constantFrom("NEVER", "MUTUAL_TLS", "ALWAYS"), leaf) },
          { requiredKeys: [] },
        ),
        leaf,
      ),
      disableHostHeaderFallback: fc.oneof(fc.boolean(), leaf),
      maxSeries: fc.oneof(fc.integer({ min: 1, max: 100 }), leaf),
      typo: leaf,
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.stringify(value));

/** One override whose tags are generated, so that many of them are taken. */
const tagged = fc
  .dictionary(fc.constantFrom("mine", "other", "reporter"), fc.record({ value: expression }))
  .map((tagOverrides) => JSON.stringify({ metrics: [{ overrides: [{ tagOverrides }] }] }));

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
      fc.property(fc.oneof(configuration, tagged), (value) => {
        if (update(value) === undefined) taken++;
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  test("broken in places are taken, or refused with a place", () => {
    fc.assert(
      fc.property(broken, (value) => void update(value)),
      { numRuns: 300 },
    );
  });

  test("a thousand of them, taken or refused, leave memory as it was", () => {
    const values = fc.sample(fc.oneof(configuration, tagged, broken), { seed: 20, numRuns: 500 });
    const run = () => {
      for (const value of values) update(value);
    };
    run();
    const before = plugin.memorySize();
    run();
    expect(plugin.memorySize()).toBe(before);
  });

  test.each<readonly [unknown, string]>([
    [[], "expected an object, found a list"],
    [{ metric: [] }, "metric: unknown field; did you mean `metrics`?"],
    [{ mode: "edge" }, "mode: must be one of inbound, outbound, gateway"],
    [{ maxSeries: 0 }, "maxSeries: must be from 1 to 100000"],
    [{ peerMetadata: { trust: "always" } }, "peerMetadata.trust: must be one of NEVER, MUTUAL_TLS, ALWAYS"],
    [{ metrics: [{ providers: [{ name: "stackdriver" }] }] }, "metrics[0].providers[0].name: only the provider `prometheus` is supported"],
    [
      { metrics: [{ overrides: [{ match: { metric: "TCP_SENT_BYTES" } }] }] },
      "metrics[0].overrides[0].match.metric: this filter reports HTTP and gRPC requests and no TCP metrics",
    ],
    [{ metrics: [{ overrides: [{ match: { metric: "REQUESTS" } }] }] }, "match.metric: must be one of REQUEST_COUNT, "],
    [{ metrics: [{ overrides: [{ match: { customMetric: "x" } }] }] }, "match.customMetric: unknown field"],
    [{ metrics: [{ reportingInterval: "5s" }] }, "metrics[0].reportingInterval: unknown field"],
    [
      { metrics: [{ overrides: [{ tagOverrides: { "a-b": { value: "'x'" } } }] }] },
      "tagOverrides.a-b: the name of a label has letters, digits and underscores",
    ],
    [{ metrics: [{ overrides: [{ tagOverrides: { a: {} } }] }] }, "tagOverrides.a: UPSERT needs a `value`"],
    [
      { metrics: [{ overrides: [{ tagOverrides: { a: { operation: "REMOVE", value: "'x'" } } }] }] },
      "tagOverrides.a.value: nothing to set for REMOVE",
    ],
    [
      {
        metrics: [
          { overrides: [{ tagOverrides: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`t${i}`, { value: `'${i}'` }])) }] },
        ],
      },
      "t32.value: more than 32 different expressions",
    ],
  ])("%j is refused: %s", (value, message) => {
    expect(update(JSON.stringify(value))).toContain(message);
  });

  test.each([
    ["", "expected a value, found the end at character 1"],
    ["request.headers", "`request.headers` cannot be the value of a tag"],
    ["request.duration", "`request.duration` cannot be the value of a tag"],
    ["istio_operationId", "`istio_operationId` is no attribute: one of request, "],
    ["request", "`request` is no single value"],
    ["size(request.path)", "there is no function `size`: only has and string"],
    ["request.path.matches('a')", "there is no method `matches`: only startsWith, endsWith and contains"],
    ["request.path ? 'a' : 'b'", "`?` needs a condition"],
    ["response.code > 400", "unexpected `>`"],
    ["'a", "expected a value, found `'`"],
    ["request.path == ", "expected a value, found the end"],
    ["('a'", "expected `)`, found the end"],
    ["response.code == 200 ? 'a'", "expected `:`, found the end"],
    ["request.path in request.headers", "before `in` stands a text"],
    ["request.headers[x]", "expected a text or a number, found `x`"],
    ["request.", "expected a name, found the end"],
    ["(".repeat(40), "nested deeper than 32"],
    ["a".repeat(1_025), "longer than 1024 characters"],
  ])("the expression %j is refused: %s", (value, message) => {
    const refusal = update(JSON.stringify({ metrics: [{ overrides: [{ tagOverrides: { a: { value } } }] }] }));
    expect(refusal).toContain(`metrics[0].overrides[0].tagOverrides.a.value: not understood: ${message}`);
  });
});

const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "x".repeat(5_000), ";.;", "=.=", "\0", "\xff\xfe", "%00", "application/grpc", metadataHeader({ WORKLOAD_NAME: "w" })),
);
const name = fc.oneof(
  fc.constantFrom(HEADER, `${HEADER}-id`, ":path", ":authority", ":method", "content-type", "host", "x"),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/),
);
const request = fc.array(fc.tuple(name, value), { maxLength: 20 });

describe.each(["inbound", "outbound", "gateway"])("requests of any kind, %s", (mode) => {
  beforeEach(() => {
    plugin.update(
      JSON.stringify({
        mode,
        maxSeries: 50,
        peerMetadata: { trust: "ALWAYS" },
        metrics: [{ overrides: [{ tagOverrides: { x: { value: "request.headers['x']" } } }] }],
      }),
    );
  });

  test("neither trap nor grow, and each is counted", () => {
    fc.assert(
      fc.property(request, (headers) => exchange(headers)),
      { numRuns: 400 },
    );
    const before = plugin.memorySize();
    const first = counted();
    for (const headers of fc.sample(request, { seed: 4, numRuns: 2_000 })) exchange(headers);
    expect(counted()).toBe(first + 2_000);
    expect(plugin.memorySize()).toBe(before);
  });

  test("give names that Prometheus can read", () => {
    for (const headers of fc.sample(request, { seed: 5, numRuns: 300 })) exchange(headers);
    for (const [key] of Object.entries(host.metrics.values())) {
      expect(key).not.toMatch(/[\0-\x1f\x7f]/);
      expect(Buffer.from(key, "utf8").toString("utf8")).not.toContain("\ufffd");
    }
  });

  test("in which every header is another do not grow either: neither series nor peers nor clusters", () => {
    const send = (i: number) =>
      exchange([
        ["x", `value ${i}`],
        [HEADER, metadataHeader({ WORKLOAD_NAME: `workload-${i}`, NAMESPACE: "n" })],
      ]);
    for (let i = 0; i < 2_000; i++) send(i);
    const before = plugin.memorySize();
    const series = () => seriesOf(host.metrics.values()).length;
    expect(series()).toBe(51);
    for (let i = 2_000; i < 6_000; i++) send(i);
    expect(plugin.memorySize()).toBe(before);
    expect(series()).toBe(51);
  });
});

test("configurations one after the other use the series that are there", () => {
  plugin.update("{}");
  exchange();
  const before = host.metrics.values();
  for (let i = 0; i < 50; i++) {
    plugin.update(JSON.stringify({ maxSeries: 100 + i }));
    exchange();
  }
  expect(seriesOf(host.metrics.values()).map(({ value: count }) => count)).toEqual([51]);
  expect(Object.keys(host.metrics.values())).toEqual(Object.keys(before));
});
