import { beforeAll, expect, test, type TestContext } from "vitest";
import { envoyTarget } from "../../../harness/envoy/index.ts";
import { requireTarget } from "../../../harness/scenario/require-target.ts";
import { until } from "../until.ts";
import { cluster as calloutCluster } from "../../../harness/envoy/bootstrap/index.ts";
import { startUpstream } from "../../../harness/upstreams/index.ts";
import { buildFilter, SERVICE, Service } from "./service.ts";
import { WallClock } from "./wall-clock.ts";

beforeAll(buildFilter);

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
  const bad = service.host(1);
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
  await service.askUntilOut(1);
  // A report shows that the clock did step.
  await until(
    "a report has yesterday's time",
    async () => reported(),
    (times) => times.some((time) => time < Date.now() - 80_000_000),
  );
  await clock.step(86_400);
  bad.answer = { status: 200 };
  await service.allAreBack();
  expect(performance.now() - out).toBeGreaterThan(900);
});
