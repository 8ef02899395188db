import { expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { Service, until } from "./ejection/service.ts";

// Ejection is Envoy's: that the marks of the filter bring it about can be seen in a real Envoy with several hosts only.

const ERROR = { body: '{"error":"out of memory"}' };
const BY_BODY = {
  rules: [{ name: "error body", match: { status: [200], body: { contains: '"error"' } }, consecutive: 3 }],
  hold: { timeout: "1s" },
};

test("the worked example: one of three hosts answers 200 with an error, is out after three answers and comes back", async (context) => {
  await requireTarget(envoyTarget, context);
  await using service = await Service.start({
    hosts: 3,
    configuration: {
      cluster: "reviews",
      ...BY_BODY,
      outlierDetection: { maxEjectionPercent: 34, baseEjectionTime: "1s", interval: "500ms" },
    },
    outlierDetection: { interval: "0.5s", base_ejection_time: "1s", max_ejection_percent: 34 },
  });
  const [bad] = service.hosts;
  if (bad === undefined) throw new Error("no host");
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

  // While it is out no client sees an error.
  const before = bad.upstream.requests.length;
  for (let i = 0; i < 20 && (await service.ejected()).length > 0; i++) expect((await service.ask()).body).not.toBe(ERROR.body);
  expect(bad.upstream.requests.length).toBe(before);

  bad.answer = { body: "host 0" };
  await until(
    "host 0 is back",
    () => service.ejected(),
    (out) => out.length === 0,
  );
  await until(
    "host 0 answers",
    () => service.ask(),
    ({ body }) => body === "host 0",
  );
  expect(await service.stat("cluster.reviews.outlier_detection.ejections_enforced_consecutive_5xx")).toBe(1);
});
