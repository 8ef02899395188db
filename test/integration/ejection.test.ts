import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test, type TestContext } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { cluster as calloutCluster } from "../../harness/envoy/bootstrap/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { startUpstream } from "../../harness/upstreams/index.ts";
import { buildFilter, Client, HEALTH, MARK, SERVICE, Service, until } from "./ejection/service.ts";
import { WallClock } from "./ejection/wall-clock.ts";

// Ejection is Envoy's: that the marks of the filter bring it about can be seen in a real Envoy with several hosts only.

beforeAll(buildFilter);

const ERROR = { body: '{"error":"out of memory"}' };
const BY_BODY = {
  cluster: SERVICE,
  rules: [{ name: "error body", match: { status: [200], body: { contains: '"error"' } }, consecutive: 3 }],
  hold: { timeout: "1s" },
};
const LONG = { interval: "0.5s", base_ejection_time: "60s" };

function hostOf(service: Service, index: number) {
  const host = service.hosts[index];
  if (host === undefined) throw new Error(`there is no host ${index}`);
  return host;
}

/** Asks until Envoy has taken out as many hosts as that. */
async function askUntilOut(service: Service, count: number): Promise<number[]> {
  return until(
    `${count} hosts are out`,
    async () => {
      await service.ask();
      return service.ejected();
    },
    (out) => out.length === count,
  );
}

const isBack = (service: Service) =>
  until(
    "all hosts are back",
    () => service.ejected(),
    (out) => out.length === 0,
  );

describe("one of three hosts answers 200 with an error", () => {
  test("it is out after three answers and comes back", async (context) => {
    await requireTarget(envoyTarget, context);
    await using service = await Service.start({
      hosts: 3,
      configuration: { ...BY_BODY, outlierDetection: { maxEjectionPercent: 34, baseEjectionTime: "1s", interval: "500ms" } },
      outlierDetection: { interval: "0.5s", base_ejection_time: "1s", max_ejection_percent: 34 },
    });
    const bad = hostOf(service, 0);
    bad.answer = ERROR;
    let errors = 0;
    await until(
      "host 0 is out",
      async () => {
        const answer = await service.ask();
        expect(answer.status).toBe(200);
        expect(answer.marked).toBe(false);
        if (answer.body === ERROR.body) errors++;
        return service.ejected();
      },
      (out) => out.length > 0,
    );
    expect(await service.ejected()).toEqual([0]);
    expect(errors).toBe(3);

    bad.answer = { body: "host 0" };
    await isBack(service);
    await until(
      "host 0 answers",
      () => service.ask(),
      ({ body }) => body === "host 0",
    );
    expect(await service.stat(`cluster.${SERVICE}.outlier_detection.ejections_enforced_consecutive_5xx`)).toBe(1);
  });

  test("with a retry on the mark, clients see two errors", async (context) => {
    await requireTarget(envoyTarget, context);
    const error = { body: ERROR.body, headers: [["x-error", "1"]] as const };
    await using service = await Service.start({
      hosts: 3,
      configuration: {
        cluster: SERVICE,
        rules: [{ name: "error", match: { headers: { "x-error": {} } }, consecutive: 3 }],
        outlierDetection: { maxEjectionPercent: 34, baseEjectionTime: "60s" },
      },
      outlierDetection: { ...LONG, max_ejection_percent: 34 },
      route: {
        retry_policy: { retry_on: "retriable-headers", num_retries: 1, retriable_headers: [{ name: MARK, present_match: true }] },
      },
    });
    hostOf(service, 0).answer = error;
    let errors = 0;
    for (let i = 0; i < 30; i++) if ((await service.ask()).body === ERROR.body) errors++;
    expect(errors).toBe(2);
    expect(await service.ejected()).toEqual([0]);
  });

  test("by Istio's default of 10 per cent none is out, with a warning", async (context) => {
    await requireTarget(envoyTarget, context);
    await using service = await Service.start({
      hosts: 3,
      configuration: { ...BY_BODY, outlierDetection: { interval: "500ms" } },
      outlierDetection: { ...LONG, max_ejection_percent: 10 },
    });
    hostOf(service, 0).answer = ERROR;
    await until(
      "Envoy refused an ejection",
      async () => {
        await service.ask();
        return service.stat(`cluster.${SERVICE}.outlier_detection.ejections_overflow`);
      },
      (overflow) => overflow > 0,
    );
    expect(await service.ejected()).toEqual([]);
    const warnings = await until(
      "the filter warned",
      async () => {
        await service.ask();
        return service.logs("lets none of the");
      },
      (lines) => lines.length > 0,
    );
    expect(warnings).toEqual([
      expect.stringContaining("maxEjectionPercent 10 lets none of the 3 hosts of cluster reviews be ejected: 34 lets one"),
    ]);
  });
});

test("ejection time grows while a host goes on failing", async (context) => {
  await requireTarget(envoyTarget, context);
  await using service = await Service.start({
    hosts: 2,
    configuration: {
      cluster: SERVICE,
      outlierDetection: { consecutive5xxErrors: 1, maxEjectionPercent: 50, baseEjectionTime: "500ms", interval: "2s" },
    },
    outlierDetection: { interval: "0.5s", base_ejection_time: "0.5s", max_ejection_percent: 50 },
  });
  hostOf(service, 1).answer = { status: 500 };
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    await askUntilOut(service, 1);
    const out = performance.now();
    await isBack(service);
    times.push(performance.now() - out);
  }
  // 0.5, 1 and 1.5 seconds, each until the next of Envoy's intervals; looked at a little later.
  expect(times[2]).toBeGreaterThan((times[0] ?? 0) + 300);
});

describe("hostile hosts", () => {
  const ALL = { cluster: SERVICE, outlierDetection: { consecutive5xxErrors: 2, maxEjectionPercent: 50, baseEjectionTime: "60s" } };

  test("all fail: no more than maxEjectionPercent are out, and the others go on being asked", async (context) => {
    await requireTarget(envoyTarget, context);
    await using service = await Service.start({
      hosts: 4,
      configuration: ALL,
      outlierDetection: { ...LONG, max_ejection_percent: 50 },
    });
    for (const host of service.hosts) host.answer = { status: 500 };
    const out = await askUntilOut(service, 2);
    for (let i = 0; i < 40; i++) expect((await service.ask()).status).toBe(500);
    expect(await service.ejected()).toEqual(out);
    // They recover, and are judged anew.
    for (const host of service.hosts) host.answer = { status: 200 };
    for (let i = 0; i < 8; i++) expect((await service.ask()).status).toBe(200);
  });

  test("one alone fails: at 50 per cent it goes on being asked, at 100 it is out", async (context) => {
    await requireTarget(envoyTarget, context);
    for (const percent of [50, 100]) {
      await using service = await Service.start({
        hosts: 1,
        configuration: { ...ALL, outlierDetection: { ...ALL.outlierDetection, maxEjectionPercent: percent, baseEjectionTime: "500ms" } },
        outlierDetection: { interval: "0.5s", base_ejection_time: "0.5s", max_ejection_percent: percent },
      });
      const host = hostOf(service, 0);
      host.answer = { status: 500 };
      if (percent === 50) {
        for (let i = 0; i < 20; i++) expect((await service.ask()).status).toBe(500);
        expect(await service.ejected()).toEqual([]);
        continue;
      }
      expect(await askUntilOut(service, 1)).toEqual([0]);
      host.answer = { status: 200 };
      await until(
        "it answers again",
        () => service.ask(),
        ({ status }) => status === 200,
      );
    }
  });

  test("hosts come and go: the one that fails is out, whatever its address was before", async (context) => {
    await requireTarget(envoyTarget, context);
    const folder = await mkdtemp(join(tmpdir(), "meshwright-eds-"));
    await using _removal = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
    const file = join(folder, "endpoints.json");
    /** The three hosts under addresses of this round, the fourth only in odd ones. */
    const listing = (ports: readonly number[], round: number) => {
      const shown = ports.slice(0, 3 + (round % 2));
      const endpoints = shown.map((port) => ({
        endpoint: { address: { socket_address: { address: `127.0.${round}.1`, port_value: port } } },
      }));
      return JSON.stringify({
        resources: [
          {
            "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            cluster_name: SERVICE,
            endpoints: [{ lb_endpoints: endpoints }],
          },
        ],
      });
    };
    await using service = await Service.start({
      hosts: 4,
      bind: "0.0.0.0",
      configuration: ALL,
      outlierDetection: { ...LONG, max_ejection_percent: 50 },
      cluster: async (hosts) => {
        await writeFile(
          file,
          listing(
            hosts.map(({ upstream }) => upstream.port),
            1,
          ),
        );
        return {
          type: "EDS",
          load_assignment: undefined,
          eds_cluster_config: { eds_config: { resource_api_version: "V3", path_config_source: { path: file } } },
        };
      },
    });
    const ports = service.hosts.map(({ upstream }) => upstream.port);
    hostOf(service, 2).answer = { status: 500 };
    for (let round = 1; round <= 8; round++) {
      await writeFile(`${file}.new`, listing(ports, round));
      await rename(`${file}.new`, file);
      const bad = `127.0.${round}.1:${ports[2] ?? 0}`;
      const out = await until(
        `${bad} is out`,
        async () => {
          await service.ask();
          return service.ejectedAddresses();
        },
        (addresses) => addresses.includes(bad),
      );
      expect(out).toEqual([bad]);
    }
  });

  test("failures in a row are counted over two workers, and a good answer at one ends the row", async (context) => {
    await requireTarget(envoyTarget, context);
    await using service = await Service.start({
      hosts: 1,
      configuration: { ...ALL, outlierDetection: { consecutive5xxErrors: 6, maxEjectionPercent: 100, baseEjectionTime: "60s" } },
      outlierDetection: { ...LONG, max_ejection_percent: 100 },
      envoy: { concurrency: 2 },
    });
    const host = hostOf(service, 0);
    const clients: Client[] = [];
    // Balanced exactly: they take turns at the workers.
    for (let i = 0; i < 4; i++) clients.push(await Client.connect(service.envoy.address("main")));
    try {
      const ask = async (times: number, status: number) => {
        host.answer = { status, body: "x" };
        for (let i = 0; i < times; i++) expect(await clients[i % clients.length]?.ask()).toContain(`HTTP/1.1 ${status}`);
      };
      await ask(5, 500);
      await ask(1, 200);
      await ask(5, 500);
      expect(await service.metric("marks")).toBe(0);
      await ask(1, 500);
      expect(await service.metric("marks")).toBe(1);
      await until(
        "it is out",
        () => service.ejected(),
        (out) => out.length === 1,
      );
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
  });

  test("many at once at two workers: one mark for one host", async (context) => {
    await requireTarget(envoyTarget, context);
    await using service = await Service.start({
      hosts: 2,
      configuration: { ...ALL, outlierDetection: { consecutive5xxErrors: 20, maxEjectionPercent: 50, baseEjectionTime: "60s" } },
      outlierDetection: { ...LONG, max_ejection_percent: 50 },
      envoy: { concurrency: 2 },
    });
    hostOf(service, 1).answer = { status: 500 };
    await Promise.all(Array.from({ length: 400 }, () => service.ask()));
    expect(await service.metric("marks")).toBe(1);
    expect(await service.ejected()).toEqual([1]);
  });
});

test("steps of the wall clock change nothing", async (context: TestContext) => {
  await requireTarget(envoyTarget, context);
  const reason = await WallClock.unavailable();
  if (reason !== undefined) {
    context.task.meta.notRun = reason;
    context.skip(reason);
  }
  await using clock = await WallClock.start();
  await using control = await startUpstream();
  const reported = () => control.requests.map(({ body }) => (JSON.parse(body.toString("utf8")) as { time: number }).time);
  await using service = await Service.start({
    hosts: 2,
    configuration: {
      cluster: SERVICE,
      outlierDetection: { consecutive5xxErrors: 4, maxEjectionPercent: 50, baseEjectionTime: "1s", interval: "500ms" },
      report: { cluster: "control", period: "200ms" },
    },
    outlierDetection: { interval: "0.5s", base_ejection_time: "1s", max_ejection_percent: 50 },
    more: [calloutCluster("control", control.host, control.port)],
  });
  const bad = hostOf(service, 1);
  bad.answer = { status: 500 };
  const askBad = async (times: number) => {
    const before = bad.upstream.requests.length;
    while (bad.upstream.requests.length < before + times) await service.ask();
  };
  await askBad(2);
  await clock.step(86_400);
  await askBad(1);
  await clock.step(-86_400);
  const out = performance.now();
  await askUntilOut(service, 1);
  // A report shows that the clock did step.
  await until(
    "a report has yesterday's time",
    async () => reported(),
    (times) => times.some((time) => time < Date.now() - 80_000_000),
  );
  await clock.step(86_400);
  bad.answer = { status: 200 };
  await isBack(service);
  expect(performance.now() - out).toBeGreaterThan(900);
});

test("by active health checks: a host that fails is out until it passes them again", async (context) => {
  await requireTarget(envoyTarget, context);
  await using service = await Service.start({
    hosts: 3,
    configuration: {
      cluster: SERVICE,
      ejectBy: "healthCheck",
      outlierDetection: { consecutive5xxErrors: 2, maxEjectionPercent: 34, baseEjectionTime: "1s", interval: "500ms" },
    },
    cluster: {
      outlier_detection: undefined,
      health_checks: [
        {
          timeout: "1s",
          interval: "0.2s",
          unhealthy_threshold: 1,
          healthy_threshold: 2,
          http_health_check: { path: HEALTH },
          no_traffic_interval: "0.2s",
        },
      ],
    },
  });
  for (let i = 0; i < 9; i++) await service.ask();
  hostOf(service, 1).answer = { status: 503 };
  const flag = "failed_active_health_check";
  await until(
    "host 1 is out",
    async () => {
      await service.ask();
      return service.ejected(flag);
    },
    (out) => out.length > 0,
  );
  expect(await service.ejected(flag)).toEqual([1]);
  hostOf(service, 1).answer = { body: "host 1" };
  await until(
    "host 1 answers",
    () => service.ask(),
    ({ body }) => body === "host 1",
  );
});

test("a host that answers nothing is out by Envoy's own local origin detection", async (context) => {
  await requireTarget(envoyTarget, context);
  await using service = await Service.start({
    hosts: 3,
    configuration: { cluster: SERVICE, outlierDetection: { maxEjectionPercent: 34 } },
    outlierDetection: { ...LONG, max_ejection_percent: 34, consecutive_local_origin_failure: 5 },
  });
  await hostOf(service, 2).upstream[Symbol.asyncDispose]();
  expect(await askUntilOut(service, 1)).toEqual([2]);
  expect(await service.stat(`cluster.${SERVICE}.outlier_detection.ejections_enforced_consecutive_local_origin_failure`)).toBe(1);
});
