import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Host, ManualClock, type FilterChain } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

// Where decisions are logged the host of every answer is looked up, as in all scenarios: here these are compared with answers that are settled without, as
// long as no host is suspect.

const MARK = "x-meshwright-ejection";
let module: string;

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 180_000);

interface Answer {
  readonly status: string;
  readonly headers: ReadonlyArray<readonly [string, string]>;
}

/** One host behind the filter, at a log level. */
class Observed {
  readonly host: Host;
  private readonly chain: FilterChain;

  constructor(configuration: object, logLevel: "debug" | "info") {
    this.host = new Host({ clock: new ManualClock(), logLevel, instances: { canary: false, mainThread: false, workers: 1 } });
    this.chain = this.host.chain([this.host.load({ name: "ejection", module, configuration })]);
  }

  /** The answer's headers behind the filter. */
  attempt({ status, headers }: Answer): ReadonlyArray<readonly [string, string]> | undefined {
    const stream = this.chain.openStream();
    Object.assign(stream.info, { cluster: "c", upstreamAddress: "10.0.0.1:80" });
    Object.defineProperty(stream.info, "responseCode", { get: () => undefined, set: () => {} });
    stream.sendHeaders([
      [":method", "GET"],
      [":path", "/"],
      [":scheme", "http"],
      [":authority", "a"],
    ]);
    stream.respondHeaders([[":status", status], ...headers], true);
    return stream.response?.headers;
  }

  get metrics(): Readonly<Record<string, number>> {
    const {
      "ejection.marks": marks = 0,
      "ejection.failures": failures = 0,
      "ejection.suspects": suspects = 0,
    } = this.host.metrics.values();
    return { marks, failures, suspects };
  }
}

const GOOD: Answer = { status: "200", headers: [] };
/** More than are looked up before the next tick. */
const WARM_UP = 100;

const answer: fc.Arbitrary<Answer> = fc.record({
  status: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("200", "500", "503") },
    fc.constantFrom(
      "100",
      "204",
      "404",
      "499",
      "502",
      "504",
      "599",
      "600",
      "999",
      "0500",
      "50",
      "5000",
      "5x0",
      "1:0",
      "",
      "-50",
      "\x30\x30\x30",
    ),
  ),
  headers: fc.array(
    fc.oneof(
      fc.tuple(fc.constant("grpc-status"), fc.constantFrom("0", "2", "4", "12", "13", "14", "15", "16", "x", "")),
      fc.constant(["content-type", "application/grpc"] as const),
      fc.constant(["content-type", "text/plain"] as const),
      fc.constant([MARK, "forged"] as const),
      fc.constant(["x-other", "500"] as const),
    ),
    { maxLength: 3 },
  ),
});

describe.each([
  [
    "Istio's fields",
    { outlierDetection: { consecutive5xxErrors: 2, consecutiveGatewayErrors: 1, maxEjectionPercent: 100, baseEjectionTime: "1ms" } },
  ],
  [
    "rules by status",
    {
      outlierDetection: { consecutive5xxErrors: 0, maxEjectionPercent: 100, baseEjectionTime: "1ms" },
      rules: [
        { name: "missing", match: { status: [404, 204] }, consecutive: 2 },
        { name: "gateway", match: { gatewayError: true }, consecutive: 3 },
        { name: "none", match: { localOriginError: true } },
      ],
    },
  ],
])("%s", (_, configuration) => {
  test("answers are judged the same, whether hosts of good ones are looked up or not", () => {
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 12 }), (answers) => {
        const seen = (["debug", "info"] as const).map((level) => {
          const observed = new Observed(configuration, level);
          for (let i = 0; i < WARM_UP; i++) observed.attempt(GOOD);
          const before = observed.metrics;
          const headers = answers.map((one) => observed.attempt(one));
          const { marks = 0, suspects = 0 } = observed.metrics;
          return { headers, marks: marks - (before["marks"] ?? 0), suspects };
        });
        expect(seen[1]).toEqual(seen[0]);
      }),
      { numRuns: 150 },
    );
  }, 120_000);
});

test("a good answer is settled without its host", () => {
  const observed = new Observed({ outlierDetection: { maxEjectionPercent: 100 } }, "info");
  for (let i = 0; i < WARM_UP; i++) observed.attempt(GOOD);
  expect(observed.attempt(GOOD)).toEqual([[":status", "200"]]);
  expect(observed.metrics).toEqual({ marks: 0, failures: 0, suspects: 0 });
});
