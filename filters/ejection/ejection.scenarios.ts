import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect } from "vitest";
import type { ChainSpec, ExchangeRequest, RouteSpec, ScriptedResponse } from "../../harness/target/index.ts";
import { scenario, type ScenarioRun } from "../../harness/vitest.ts";
import { compileFilter } from "../testing/assembly.ts";

let module: string;
let routing: string;
beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
  // What asks Envoy for retries, which a client may not.
  routing = await compileFilter(join(import.meta.dirname, "../routing/index.ts"));
}, 180_000);

const MARK = "x-meshwright-ejection";

/** The filter in the upstream chain. No route takes the mark away, so that it can be seen. One host may be out: else there would be a warning sometime. */
const chain =
  (
    { outlierDetection = { consecutive5xxErrors: 0 }, ...rest }: Readonly<Record<string, unknown>>,
    more: Partial<ChainSpec> = {},
    route: Partial<RouteSpec> = {},
  ) =>
  (): ChainSpec => ({
    filters: [],
    upstreamFilters: [
      {
        name: "ejection",
        module,
        configuration: { outlierDetection: { maxEjectionPercent: 100, ...(outlierDetection as object) }, ...rest },
        allowOnHeadersStopIteration: true,
      },
    ],
    routes: [{ name: "r", match: { prefix: "/" }, cluster: "upstream", ...route }],
    ...more,
  });

const rule = (match: object, consecutive = 1) => ({ rules: [{ name: "bad", match, consecutive }] });

/** Sends one request for each answer, and tells which were marked. */
async function marked(
  run: ScenarioRun,
  responses: readonly ScriptedResponse[],
  request: Partial<ExchangeRequest> = {},
): Promise<boolean[]> {
  const seen: boolean[] = [];
  for (const response of responses) {
    const result = await run.send({ path: "/", ...request, response });
    seen.push(result.response?.headers.some(([name]) => name === MARK) ?? false);
  }
  return seen;
}

const statuses = (...codes: readonly number[]) => codes.map((status) => ({ status }));

describe("outlierDetection", () => {
  scenario("five answers of 5xx in a row are a verdict, by Istio's default", { chain: chain({ outlierDetection: {} }) }, async (run) => {
    for (let i = 1; i < 5; i++) {
      const result = await run.send({ path: "/", response: { status: 500 } });
      expect(result).toReturnHeader(MARK);
      expect(result.decisions).toEqual([
        { filter: "ejection", rule: "consecutive5xxErrors", result: "allow", reason: `failure ${i} of 5` },
      ]);
    }
    const last = await run.send({ path: "/", response: { status: 503 } });
    expect(last).toReturnHeader(MARK, "out");
    expect(last.decisions).toEqual([{ filter: "ejection", rule: "consecutive5xxErrors", result: "mark", reason: "the host is out" }]);
    expect(await run.metrics()).toMatchObject({ "ejection.failures": 5, "ejection.marks": 1 });
  });

  scenario(
    "consecutive5xxErrors: a good answer begins the count anew",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 2 } }) },
    async (run) => {
      expect(await marked(run, statuses(500, 200, 500, 404, 500, 599))).toEqual([false, false, false, false, false, true]);
    },
  );

  scenario("consecutive5xxErrors: 0 never", { chain: chain({ outlierDetection: { consecutive5xxErrors: 0 } }) }, async (run) => {
    expect(await marked(run, statuses(500, 500, 500, 500, 500, 500))).not.toContain(true);
  });

  scenario(
    "consecutiveGatewayErrors counts 502, 503 and 504 alone",
    { chain: chain({ outlierDetection: { consecutiveGatewayErrors: 3 } }) },
    async (run) => {
      expect(await marked(run, statuses(502, 503, 500, 503, 504, 502))).toEqual([false, false, false, false, true, false]);
    },
  );

  scenario(
    "5xx are also gRPC statuses in headers, as Envoy maps them",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 1 } }) },
    async (run) => {
      const answers = [0, 5, 14].map((status) => ({ headers: [["grpc-status", String(status)]] as const }));
      expect(await marked(run, answers, { protocol: "grpc" })).toEqual([false, false, true]);
    },
  );

  scenario(
    "baseEjectionTime: answers of a host that is out say nothing",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 1, baseEjectionTime: "1s" } }) },
    async (run) => {
      expect(await marked(run, statuses(500, 500, 500))).toEqual([true, false, false]);
      expect(await marked(run, [{ delay: 1_200 }, { status: 500 }])).toEqual([false, true]);
    },
  );

  scenario(
    "attempts without an answer count as 5xx and mark the next response",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 2 } }) },
    async (run) => {
      expect(await marked(run, [{ status: 500 }, { reset: "before-headers" }])).toEqual([false, false]);
      expect((await run.logs()).at(-1)?.message).toContain("failure 2 of 2, the host's next response is marked");
      expect(await marked(run, [{}, {}])).toEqual([true, false]);
    },
  );

  scenario(
    "splitExternalLocalOriginErrors: they count apart, as consecutiveLocalOriginFailures",
    {
      chain: chain({
        outlierDetection: { splitExternalLocalOriginErrors: true, consecutive5xxErrors: 2, consecutiveLocalOriginFailures: 2 },
      }),
    },
    async (run) => {
      const reset = { reset: "before-headers" } as const;
      expect(await marked(run, [reset, {}, reset, { status: 500 }, reset, reset, {}])).toEqual([...Array<boolean>(6).fill(false), true]);
      expect(await marked(run, [{}])).toEqual([false]);
    },
  );

  scenario(
    "a timeout is an attempt without an answer",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 1 } }, {}, { timeout: 0.1 }) },
    async (run) => {
      expect(await run.send({ path: "/", response: { delay: 1_000 } })).toRespond(504, "response_timeout");
      expect(await marked(run, [{}])).toEqual([true]);
    },
  );

  scenario(
    "maxEjectionPercent that lets no host be ejected is a warning",
    { chain: chain({ outlierDetection: { interval: "400ms", maxEjectionPercent: 33 } }, { hosts: 3 }) },
    async (run) => {
      await marked(run, [{}, {}, {}, { delay: 1_200 }]);
      expect((await run.logs()).filter(({ level }) => level === "warn").map(({ message }) => message)).toEqual([
        "ejection: maxEjectionPercent 33 lets none of the 3 hosts of cluster upstream be ejected: 34 lets one",
      ]);
    },
  );
});

describe("rules", () => {
  const cases: ReadonlyArray<
    readonly [
      title: string,
      match: object,
      answers: readonly ScriptedResponse[],
      expected: readonly boolean[],
      request?: Partial<ExchangeRequest>,
    ]
  > = [
    ["status: a code", { status: [429] }, statuses(428, 429, 430), [false, true, false]],
    ["status: a class", { status: ["4xx"] }, statuses(399, 400, 500), [false, true, false]],
    ["status: a range", { status: ["200-204", 301] }, statuses(206, 301, 204), [false, true, false]],
    ["gatewayError", { gatewayError: true }, statuses(500, 501, 505, 504), [false, false, false, true]],
    [
      "grpcStatus in trailers marks the next response",
      { grpcStatus: ["UNAVAILABLE", 8] },
      [{ trailers: [["grpc-status", "5"]] }, { trailers: [["grpc-status", "14"]] }, {}],
      [false, false, true],
      { protocol: "grpc" },
    ],
    ["grpcStatus in headers marks at once", { grpcStatus: [8] }, [{ headers: [["grpc-status", "8"]] }], [true], { protocol: "grpc" }],
    ["grpcStatus is not asked of plain HTTP", { grpcStatus: [14] }, [{ headers: [["grpc-status", "14"]] }, {}], [false, false]],
    ["headers: presence", { headers: { "x-error": {} } }, [{}, { headers: [["x-error", "1"]] }], [false, true]],
    [
      "headers: one value of several",
      { headers: { "x-error": { exact: "b" } } },
      [
        { headers: [["x-error", "a"]] },
        {
          headers: [
            ["x-error", "a"],
            ["x-error", "b"],
          ],
        },
      ],
      [false, true],
    ],
    ["headers: absence", { headers: { "x-ok": { present: false } } }, [{ headers: [["x-ok", "1"]] }, {}], [false, true]],
    [
      "all conditions must hold",
      { status: [200], headers: { "x-error": {} } },
      [{ status: 500, headers: [["x-error", "1"]] }, {}, { headers: [["x-error", "1"]] }],
      [false, false, true],
    ],
    [
      "body: a marker marks the next response",
      { body: { contains: '"error"' } },
      [{ body: "fine" }, { body: '{"error":1}' }, { body: "fine" }],
      [false, false, true],
    ],
    [
      "body: maxBytes",
      { body: { contains: "error", maxBytes: 8 } },
      [{ body: "12345error" }, {}, { body: "123error" }, {}],
      [false, false, false, true],
    ],
    [
      "body and status",
      { status: [200], body: { contains: "e" } },
      [{ status: 500, body: "e" }, {}, { body: "e" }, {}],
      [false, false, false, true],
    ],
    ["latency: above", { latency: { above: "150ms" } }, [{ delay: 1 }, { delay: 300 }], [false, true]],
    [
      "latency: until the end marks the next response",
      { latency: { above: "150ms", until: "end" } },
      [{ delay: 300, body: "x" }, { body: "x" }],
      [false, true],
    ],
    ["localOriginError", { localOriginError: true }, [{ status: 500 }, {}, { reset: "before-headers" }, {}], [false, false, false, true]],
    [
      "reset: after the headers",
      { reset: true },
      [{ status: 500, body: "x" }, {}, { reset: "after-headers" }, {}],
      [false, false, false, true],
    ],
    ["reset: not before them", { reset: true }, [{ reset: "before-headers" }, {}], [false, false]],
  ];
  for (const [title, match, answers, expected, request] of cases) {
    scenario(title, { chain: chain(rule(match)) }, async (run) => {
      expect(await marked(run, answers, request)).toEqual(expected);
    });
  }

  scenario("consecutive: failures in a row", { chain: chain(rule({ headers: { "x-error": {} } }, 3)) }, async (run) => {
    const bad = { headers: [["x-error", "1"]] as const };
    expect(await marked(run, [bad, bad, {}, bad, bad, bad])).toEqual([...Array<boolean>(5).fill(false), true]);
  });

  scenario(
    "several rules count apart",
    {
      chain: chain({
        rules: [
          { name: "a", match: { headers: { a: {} } }, consecutive: 2 },
          { name: "b", match: { headers: { b: {} } }, consecutive: 2 },
        ],
      }),
    },
    async (run) => {
      const a = { headers: [["a", "1"]] as const };
      const b = { headers: [["b", "1"]] as const };
      expect(
        await marked(run, [
          a,
          b,
          a,
          b,
          {
            headers: [
              ["a", "1"],
              ["b", "1"],
            ],
          },
        ]),
      ).toEqual([false, false, false, false, true]);
    },
  );

  scenario(
    "aboveQuantile: slower than the others in the interval before",
    { chain: chain({ outlierDetection: { interval: "600ms" }, ...rule({ latency: { above: "300ms", aboveQuantile: 95 } }, 3) }) },
    async (run) => {
      // Thirty quick answers, twice: one of two intervals has enough of them.
      await marked(
        run,
        Array.from({ length: 60 }, () => ({})),
      );
      const slow = { delay: 700 };
      expect(await marked(run, [slow, slow, slow])).toEqual([false, false, true]);
    },
  );

  scenario(
    "the route takes the mark away",
    { chain: chain(rule({ status: [200] }), {}, { responseHeadersToRemove: [MARK] }) },
    async (run) => {
      const result = await run.send({ path: "/", response: { body: "fine" } });
      expect(result).toReturnHeader(MARK);
      expect(await run.metrics()).toMatchObject({ "ejection.marks": 1 });
    },
  );

  scenario("a service's own mark is taken away", { chain: chain(rule({ status: [500] })) }, async (run) => {
    expect(await marked(run, [{ headers: [[MARK, "out"]] }, { status: 500, headers: [[MARK, "me"]] }])).toEqual([false, true]);
  });

  scenario(
    "every attempt is judged, those that are retried too",
    {
      chain: () => {
        const retries = { attempts: 1, retryOn: "5xx" };
        return chain(
          rule({ status: [503] }),
          {
            filters: [{ name: "routing", module: routing, configuration: { rules: [{ name: "r", cluster: "upstream", retries }] } }],
          },
          { timeout: 0 },
        )();
      },
    },
    async (run) => {
      const result = await run.send({ path: "/", response: { status: 503 } });
      expect(result.status).toBe(503);
      expect(result.decisions.filter(({ filter }) => filter === "ejection").map(({ result: decision }) => decision)).toEqual([
        "mark",
        "allow",
      ]);
      expect(await run.metrics()).toMatchObject({ "ejection.failures": 2, "ejection.marks": 1 });
    },
  );
});

describe("hold", () => {
  const held = (match: object, hold: object) => chain({ ...rule(match), hold });

  scenario("headers wait for the marker in the body", { chain: held({ body: { contains: "error" } }, { timeout: "2s" }) }, async (run) => {
    expect(await marked(run, [{ body: "fine" }, { body: "an error" }])).toEqual([false, true]);
  });

  scenario("headers wait for the status in trailers", { chain: held({ grpcStatus: [14] }, { timeout: "2s" }) }, async (run) => {
    const answers = [{ body: "m" }, { body: "m", trailers: [["grpc-status", "14"]] as const }];
    expect(await marked(run, answers, { protocol: "grpc" })).toEqual([false, true]);
  });

  scenario(
    "bytes: a larger body is let go, and marks the next response",
    { chain: held({ body: { contains: "error" } }, { timeout: "2s", bytes: 16 }) },
    async (run) => {
      expect(await marked(run, [{ body: `an error${".".repeat(100)}` }])).toEqual([true]);
      const late = `${".".repeat(40_000)} error`;
      await run.send({ path: "/", response: { delay: 1 } });
      expect((await run.send({ path: "/", response: { body: late } })).response?.body).toBe(late);
    },
  );

  scenario("what needs no waiting is not held", { chain: held({ status: [500] }, { timeout: "2s" }) }, async (run) => {
    expect(await marked(run, [{ body: "fine" }, { status: 500, body: "bad" }])).toEqual([false, true]);
  });

  scenario("an answer without a body is not held", { chain: held({ body: { contains: "error" } }, { timeout: "2s" }) }, async (run) => {
    expect(await run.send({ path: "/", method: "HEAD", response: { status: 204 } })).toForward();
  });
});

describe("windows", () => {
  /** Rounds of all hosts, the first of which answers badly; then its next answer, after the interval was evaluated, and those of the others. */
  async function compare(
    run: ScenarioRun,
    hosts: number,
    rounds: number,
    bad: ScriptedResponse,
    good: ScriptedResponse,
    wait: number,
  ): Promise<boolean[]> {
    for (let round = 0; round < rounds; round++) {
      expect(
        await marked(
          run,
          Array.from({ length: hosts }, (_, host) => (host === 0 ? bad : good)),
        ),
      ).not.toContain(true);
    }
    return marked(
      run,
      Array.from({ length: hosts }, (_, host) => (host === 0 ? { ...good, delay: wait } : good)),
    );
  }

  const FAST = { interval: "400ms", consecutive5xxErrors: 0, maxEjectionPercent: 100 };

  scenario(
    "successRate: a host far below the others",
    { chain: chain({ outlierDetection: FAST, successRate: { minimumHosts: 5, requestVolume: 3, stdevFactor: 1_500 } }, { hosts: 6 }) },
    async (run) => {
      expect(await compare(run, 6, 7, { status: 503 }, {}, 1_200)).toEqual([true, false, false, false, false, false]);
      expect((await run.logs()).some(({ message }) => message.includes('"rule":"successRate","result":"mark"'))).toBe(true);
    },
  );

  scenario(
    "successRate: too few hosts",
    { chain: chain({ outlierDetection: FAST, successRate: { minimumHosts: 4, requestVolume: 3 } }, { hosts: 3 }) },
    async (run) => {
      expect(await compare(run, 3, 7, { status: 503 }, {}, 1_200)).not.toContain(true);
    },
  );

  scenario(
    "failurePercentage: a host above the threshold",
    { chain: chain({ outlierDetection: FAST, failurePercentage: { minimumHosts: 1, requestVolume: 3, threshold: 60 } }, { hosts: 2 }) },
    async (run) => {
      expect(await compare(run, 2, 7, { status: 503 }, {}, 1_200)).toEqual([true, false]);
      expect((await run.logs()).some(({ message }) => message.includes('"rule":"failurePercentage","result":"mark"'))).toBe(true);
    },
  );

  scenario(
    "latency: a host slower than the others",
    {
      chain: chain(
        { outlierDetection: { ...FAST, interval: "1s" }, latency: { minimumHosts: 3, requestVolume: 1, factor: 3 } },
        { hosts: 4 },
      ),
    },
    async (run) => {
      expect(await compare(run, 4, 3, { delay: 250 }, { delay: 30 }, 2_500)).toEqual([true, false, false, false]);
    },
  );
});

describe("ejectBy", () => {
  scenario(
    "healthCheck: by Envoy's own header, within maxEjectionPercent",
    {
      chain: chain(
        {
          ejectBy: "healthCheck",
          outlierDetection: { consecutive5xxErrors: 1, maxEjectionPercent: 50, minHealthPercent: 50, interval: "400ms" },
        },
        { hosts: 2 },
      ),
    },
    async (run) => {
      await marked(run, [{}, {}, { delay: 1_000 }, {}]);
      const results = [];
      for (let i = 0; i < 2; i++) results.push(await run.send({ path: "/", response: { status: 500 } }));
      expect(results[0]).toReturnHeader("x-envoy-immediate-health-check-fail", "true");
      expect(results[1]).toReturnHeader("x-envoy-immediate-health-check-fail");
      expect(await run.metrics()).toMatchObject({ "ejection.marks": 1, "ejection.overflow": 1 });
    },
  );

  scenario("outlierDetection: by the mark", { chain: chain({ ejectBy: "outlierDetection", ...rule({ status: [500] }) }) }, async (run) => {
    expect(await run.send({ path: "/", response: { status: 500 } })).toReturnHeader(MARK, "out");
  });
});

describe("settings", () => {
  const ONE_MAY = { outlierDetection: { consecutive5xxErrors: 0, maxEjectionPercent: 100 } };
  const metadata = (configuration: string | object, version = "1") => ({
    clusterMetadata: {
      upstream: {
        "meshwright.ejection": {
          version,
          configuration: typeof configuration === "string" ? configuration : JSON.stringify(configuration),
        },
      },
    },
  });

  scenario("of the cluster's metadata", { chain: chain({}, metadata({ ...rule({ status: [500] }), ...ONE_MAY })) }, async (run) => {
    expect(await marked(run, statuses(200, 500))).toEqual([false, true]);
  });

  scenario(
    "of the cluster's metadata go before the filter's own",
    { chain: chain({ cluster: "upstream", ...rule({ status: [200] }) }, metadata({ ...rule({ status: [500] }), ...ONE_MAY })) },
    async (run) => {
      expect(await marked(run, statuses(200, 500))).toEqual([false, true]);
    },
  );

  scenario(
    "of the cluster's metadata that cannot be accepted leave the filter's own",
    { chain: chain(rule({ status: [500] }), metadata('{"rulez":[]}')) },
    async (run) => {
      expect(await marked(run, statuses(200, 500))).toEqual([false, true]);
      expect((await run.logs()).filter(({ level }) => level === "error").map(({ message }) => message)).toEqual([
        "metadata of cluster upstream refused: rulez: unknown field; did you mean `rules`? (line 1, column 2)",
      ]);
    },
  );

  scenario("none: nothing is judged", { chain: chain({}) }, async (run) => {
    expect(await marked(run, statuses(500, 500, 500, 500, 500))).not.toContain(true);
    expect((await run.logs()).filter(({ message }) => message.startsWith("decision"))).toEqual([]);
  });

  scenario(
    "cluster: named, so that it need not be read",
    { chain: chain({ cluster: "upstream", ...rule({ status: [500] }) }) },
    async (run) => {
      expect(await marked(run, statuses(200, 500))).toEqual([false, true]);
    },
  );

  scenario(
    "in the downstream chain nothing is marked, with a warning",
    {
      chain: async () => ({
        filters: [{ name: "ejection", module, configuration: { ...rule({ status: [500] }), ...ONE_MAY } }],
      }),
    },
    async (run) => {
      expect(await run.send({ path: "/", response: { status: 500 } })).toReturnHeader(MARK);
      expect((await run.logs()).filter(({ level }) => level === "warn").map(({ message }) => message)).toEqual([
        "ejection runs in the downstream chain, where it can eject nothing: it belongs in http_filters of the cluster's HttpProtocolOptions",
      ]);
    },
  );
});

describe("report", () => {
  interface Received {
    readonly path: string | undefined;
    readonly authority: string | undefined;
    readonly report: {
      readonly clusters: readonly string[];
      readonly hosts: ReadonlyArray<Readonly<Record<string, unknown>>>;
      readonly leftOut: number;
    };
  }
  const received: Received[] = [];
  const validate = new Ajv2020({ strict: true }).compile(
    JSON.parse(readFileSync(join(import.meta.dirname, "report-schema.json"), "utf8")) as object,
  );
  const reporting = (report: object, status = 200, more: Partial<ChainSpec> = {}) => {
    received.length = 0;
    return chain(
      { outlierDetection: { interval: "400ms", consecutive5xxErrors: 1 }, report: { cluster: "control", period: "500ms", ...report } },
      {
        callouts: {
          control: ({ headers, body }) => {
            const value = (wanted: string) => headers.find(([name]) => name === wanted)?.[1];
            const report = JSON.parse(Buffer.from(body).toString("utf8")) as Received["report"];
            received.push({ path: value(":path"), authority: value(":authority"), report });
            return { status };
          },
        },
        ...more,
      },
    )();
  };

  scenario(
    "outcomes of hosts are posted once a period",
    { chain: () => reporting({ path: "/reports", authority: "control.mesh", timeout: "1s" }) },
    async (run) => {
      await marked(run, [{ status: 500 }, {}, { delay: 900 }]);
      expect(received.length).toBeGreaterThan(0);
      for (const { path, authority, report } of received) {
        expect(path).toBe("/reports");
        expect(authority).toBe("control.mesh");
        validate(report);
        expect(validate.errors ?? []).toEqual([]);
      }
      expect(received.at(-1)?.report.clusters).toEqual(["upstream"]);
      expect(received.at(-1)?.report.hosts).toEqual([expect.objectContaining({ cluster: 0, good: 1, failed: 1, ejections: 1, out: true })]);
      expect(await run.metrics()).toMatchObject({ "ejection.report_failures": 0 });
    },
  );

  scenario("maxHosts: those that failed go first", { chain: () => reporting({ maxHosts: 1 }, 200, { hosts: 3 }) }, async (run) => {
    await marked(run, [{}, { status: 500 }, {}, { delay: 900 }]);
    expect(received.at(-1)?.report.hosts).toEqual([expect.objectContaining({ failed: 1 })]);
    expect(received.at(-1)?.report.leftOut).toBe(2);
  });

  scenario(
    "a report that cannot be sent harms nothing",
    { chain: chain({ ...rule({ status: [500] }), report: { cluster: "nowhere", period: "60s" } }) },
    async (run) => {
      expect(await marked(run, [{}, { status: 500 }])).toEqual([false, true]);
    },
  );
});
