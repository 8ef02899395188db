import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect } from "vitest";
import type { ChainSpec, ScriptedResponse } from "../../harness/target/index.ts";
import { scenario as alone, type ScenarioRun } from "../../harness/vitest.ts";
import { scenario } from "../testing/scenario.ts";
import { chain, MARK, marked, module, rule, statuses } from "./tester.mts";

describe("windows", () => {
  /**
   * Rounds of all hosts, the first of which answers badly; then its next answer, after the interval was evaluated, and those of the
   * others.
   */
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

  // Rounds are over before marks begin, on a busy machine too.
  const FAST = { interval: "1s", consecutive5xxErrors: 0, maxEjectionPercent: 100 };

  scenario(
    "successRate: a host far below the others",
    { chain: chain({ outlierDetection: FAST, successRate: { minimumHosts: 5, requestVolume: 3, stdevFactor: 1_500 } }, { hosts: 6 }) },
    async (run) => {
      expect(await compare(run, 6, 7, { status: 503 }, {}, 3_000)).toEqual([true, false, false, false, false, false]);
      expect((await run.logs()).some(({ message }) => message.includes('"rule":"successRate","result":"mark"'))).toBe(true);
    },
  );

  scenario(
    "successRate: too few hosts",
    { chain: chain({ outlierDetection: FAST, successRate: { minimumHosts: 4, requestVolume: 3 } }, { hosts: 3 }) },
    async (run) => {
      expect(await compare(run, 3, 7, { status: 503 }, {}, 3_000)).not.toContain(true);
    },
  );

  scenario(
    "failurePercentage: a host above the threshold",
    { chain: chain({ outlierDetection: FAST, failurePercentage: { minimumHosts: 1, requestVolume: 3, threshold: 60 } }, { hosts: 2 }) },
    async (run) => {
      expect(await compare(run, 2, 7, { status: 503 }, {}, 3_000)).toEqual([true, false]);
      expect((await run.logs()).some(({ message }) => message.includes('"rule":"failurePercentage","result":"mark"'))).toBe(true);
    },
  );

  scenario(
    "latency: a host slower than the others",
    {
      chain: chain(
        { outlierDetection: { ...FAST, interval: "2s" }, latency: { minimumHosts: 3, requestVolume: 1, factor: 3 } },
        { hosts: 4 },
      ),
    },
    async (run) => {
      // What a busy machine adds makes no host thrice as slow as the others.
      expect(await compare(run, 4, 2, { delay: 300 }, { delay: 50 }, 3_500)).toEqual([true, false, false, false]);
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

  // A plugin names itself in its warnings.
  alone(
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
      // Counts are totals, and the last request may be in a report of its own.
      expect(received.map(({ report }) => report.hosts)).toContainEqual([
        expect.objectContaining({ cluster: 0, good: 1, failed: 1, ejections: 1, out: true }),
      ]);
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
