import { beforeAll, describe, expect, test } from "vitest";
import { envoyTarget } from "../../../harness/envoy/index.ts";
import { requireTarget } from "../../../harness/scenario/require-target.ts";
import { until } from "../until.ts";
import { buildFilter, HEALTH, SERVICE, Service } from "./service.ts";

// When a host that was out is asked again, and how often.

beforeAll(buildFilter);

const HEALTH_CHECKS = [
  {
    timeout: "1s",
    interval: "0.2s",
    unhealthy_threshold: 1,
    healthy_threshold: 2,
    http_health_check: { path: HEALTH },
    no_traffic_interval: "0.2s",
  },
];

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
  service.host(1).answer = { status: 500 };
  // 0.5, 1 and 1.5 seconds, each until the next of Envoy's intervals: what is never more than half a second is over after one. An interval in which a host is not out, as on a
  // busy machine, takes back what its time has grown.
  const times: number[] = [];
  while (times.length < 12 && !times.some((time) => time >= 1_400)) {
    await service.askUntilOut(1);
    const out = performance.now();
    await service.allAreBack();
    times.push(performance.now() - out);
  }
  expect(Math.max(...times)).toBeGreaterThanOrEqual(1_400);
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
      health_checks: HEALTH_CHECKS,
    },
  });
  for (let i = 0; i < 9; i++) await service.ask();
  service.host(1).answer = { status: 503 };
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
  service.host(1).answer = { body: "host 1" };
  await until(
    "host 1 answers",
    () => service.ask(),
    ({ body }) => body === "host 1",
  );
});

describe("with slow_start_config, a host that was out", () => {
  const HOSTS = 3;
  const ROUND = 60;
  const window = (seconds: number) => ({
    lb_policy: "ROUND_ROBIN",
    round_robin_lb_config: { slow_start_config: { slow_start_window: `${seconds}s`, min_weight_percent: { value: 10 } } },
  });
  /** Until the time is over in which every host is a new one. */
  async function outgrow(service: Service, seconds: number): Promise<void> {
    const started = performance.now();
    while (performance.now() - started < seconds * 1000 + 500) await service.ask();
  }
  /** How many of the next requests that host answers. */
  async function shareOf(service: Service, index: number): Promise<number> {
    const { upstream } = service.host(index);
    const before = upstream.requests.filter(({ path }) => path !== HEALTH).length;
    for (let i = 0; i < ROUND; i++) await service.ask();
    return upstream.requests.filter(({ path }) => path !== HEALTH).length - before;
  }
  /** A host that fails is taken out, and answers well from then on. Returns as soon as it is asked again. */
  async function takeOut(service: Service, index: number, flag: string): Promise<void> {
    service.host(index).answer = { status: 503 };
    expect(await service.askUntilOut(1, flag)).toEqual([index]);
    service.host(index).answer = { body: "back" };
    await until(
      "the host answers",
      () => service.ask(),
      ({ body }) => body === "back",
    );
  }

  test("comes back gradually by active health checks", async (context) => {
    await requireTarget(envoyTarget, context);
    const seconds = 6;
    await using service = await Service.start({
      hosts: HOSTS,
      configuration: {
        cluster: SERVICE,
        ejectBy: "healthCheck",
        outlierDetection: { consecutive5xxErrors: 2, maxEjectionPercent: 34, baseEjectionTime: "1s", interval: "500ms" },
      },
      cluster: { outlier_detection: undefined, health_checks: HEALTH_CHECKS, ...window(seconds) },
      envoy: { concurrency: 1 },
    });
    await outgrow(service, seconds);
    await takeOut(service, 1, "failed_active_health_check");
    const shares: number[] = [];
    await until(
      "the host has its full share again",
      async () => shares.push(await shareOf(service, 1)),
      () => (shares.at(-1) ?? 0) >= ROUND / HOSTS - 1,
    );
    // It begins with a weight of a sixth, which is 5 of 60.
    expect(shares[0]).toBeLessThan(ROUND / HOSTS / 2);
    expect(shares.some((share) => share > (shares[0] ?? 0) + 2 && share < ROUND / HOSTS - 3)).toBe(true);
    // It only ever grows, but for where a round begins in the schedule of the load balancer.
    for (const [i, share] of shares.entries()) expect(share).toBeGreaterThanOrEqual(Math.max(0, ...shares.slice(0, i)) - 3);
  });

  test("has its full share at once by outlier detection", async (context) => {
    await requireTarget(envoyTarget, context);
    const seconds = 3;
    await using service = await Service.start({
      hosts: HOSTS,
      configuration: {
        cluster: SERVICE,
        outlierDetection: { consecutive5xxErrors: 2, maxEjectionPercent: 34, baseEjectionTime: "1s", interval: "500ms" },
      },
      outlierDetection: { interval: "0.5s", base_ejection_time: "1s", max_ejection_percent: 34 },
      cluster: window(seconds),
      envoy: { concurrency: 1 },
    });
    await outgrow(service, seconds);
    await takeOut(service, 1, "failed_outlier_check");
    expect(Math.abs((await shareOf(service, 1)) - ROUND / HOSTS)).toBeLessThanOrEqual(2);
  });
});
