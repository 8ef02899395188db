import { beforeAll, describe, expect, test } from "vitest";
import { envoyTarget } from "../../../harness/envoy/index.ts";
import { requireTarget } from "../../../harness/scenario/require-target.ts";
import { until } from "../until.ts";
import { buildFilter, LONG, MARK, SERVICE, Service } from "./service.ts";

// Ejection is Envoy's: that the marks of the filter bring it about can be seen in a real Envoy with several hosts only. This is the worked example of
// the filter's page.

beforeAll(buildFilter);

const ERROR = { body: '{"error":"out of memory"}' };
const BY_BODY = {
  cluster: SERVICE,
  rules: [{ name: "error body", match: { status: [200], body: { contains: '"error"' } }, consecutive: 3 }],
  hold: { timeout: "1s" },
};

describe("one of three hosts answers 200 with an error", () => {
  test("it is out after three answers and comes back", async (context) => {
    await requireTarget(envoyTarget, context);
    await using service = await Service.start({
      hosts: 3,
      configuration: { ...BY_BODY, outlierDetection: { maxEjectionPercent: 34, baseEjectionTime: "1s", interval: "500ms" } },
      outlierDetection: { interval: "0.5s", base_ejection_time: "1s", max_ejection_percent: 34 },
    });
    const bad = service.host(0);
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
    await service.allAreBack();
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
    service.host(0).answer = error;
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
    service.host(0).answer = ERROR;
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

test("a host that answers nothing is out by Envoy's own local origin detection", async (context) => {
  await requireTarget(envoyTarget, context);
  await using service = await Service.start({
    hosts: 3,
    configuration: { cluster: SERVICE, outlierDetection: { maxEjectionPercent: 34 } },
    outlierDetection: { ...LONG, max_ejection_percent: 34, consecutive_local_origin_failure: 5 },
  });
  await service.host(2).upstream[Symbol.asyncDispose]();
  expect(await service.askUntilOut(1)).toEqual([2]);
  expect(await service.stat(`cluster.${SERVICE}.outlier_detection.ejections_enforced_consecutive_local_origin_failure`)).toBe(1);
});
