import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { envoyTarget } from "../../../harness/envoy/index.ts";
import { requireTarget } from "../../../harness/scenario/require-target.ts";
import { until } from "../until.ts";
import { buildFilter, Client, LONG, SERVICE, Service } from "./service.ts";

beforeAll(buildFilter);

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
    const out = await service.askUntilOut(2);
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
      const host = service.host(0);
      host.answer = { status: 500 };
      if (percent === 50) {
        for (let i = 0; i < 20; i++) expect((await service.ask()).status).toBe(500);
        expect(await service.ejected()).toEqual([]);
        continue;
      }
      expect(await service.askUntilOut(1)).toEqual([0]);
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
    service.host(2).answer = { status: 500 };
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
    const host = service.host(0);
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
    service.host(1).answer = { status: 500 };
    await Promise.all(Array.from({ length: 400 }, () => service.ask()));
    expect(await service.metric("marks")).toBe(1);
    expect(await service.ejected()).toEqual([1]);
  });
});
