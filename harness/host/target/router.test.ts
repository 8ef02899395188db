import { expect, test } from "vitest";
import { scriptedFilter } from "../testing/scripted-filter.ts";
import { lines } from "../testing/scripted-host.ts";
import { inProcessTarget } from "./index.ts";

test("a retry is told how much is left of the request's time", async () => {
  const script =
    "request_headers: set 0 x-envoy-retry-on 5xx\nrequest_headers: set 0 x-envoy-upstream-rq-timeout-ms 400\nrequest_headers: set 0 x-envoy-upstream-rq-per-try-timeout-ms 300";
  const name = "scripted";
  await using target = await inProcessTarget.start({
    filters: [{ name, module: await scriptedFilter(), configuration: lines(script) }],
    upstreamFilters: [
      { name: "upstream", module: await scriptedFilter(), configuration: "request_headers: get 0 x-envoy-expected-rq-timeout-ms" },
    ],
  });
  await target.send({ path: "/", response: { delay: 1_000 } });
  const told = (await target.logs()).flatMap(({ message }) => /expected-rq-timeout-ms = 0:(\d+)/.exec(message)?.[1] ?? []).map(Number);
  expect(told).toEqual([300, expect.any(Number)]);
  // Less what is waited for before it.
  expect(told[1]).toBeGreaterThan(70);
  expect(told[1]).toBeLessThanOrEqual(100);
});
