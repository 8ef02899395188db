import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { until } from "../until.ts";
import { Load } from "./load.ts";
import { Bookshop, routes } from "./tasks/bookshop.ts";

const all = (subset: string) => routes("reviews", [{ route: [{ destination: { host: "reviews", subset } }] }]);

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

test("the date of the control service's machine is set forward and back under load: changes arrive, nothing is lost, and times stay true", async () => {
  await using shop = await Bookshop.start(all("v1"));
  const { mesh } = shop;
  await using load = new Load(shop.page.outbound("240.240.0.1:9080"), ["reviews:9080", "ratings:9080"]);
  const year = 365 * 24 * 3_600_000;
  for (const [round, step] of [year, -2 * year, year].entries()) {
    const before = load.answered;
    vi.setSystemTime(Date.now() + step);
    const version = round % 2 === 0 ? "v2" : "v3";
    await mesh.apply({ "rules.yaml": all(version) });
    expect(await shop.count("reviews", 10)).toEqual({ [`reviews-${version}`]: 10 });
    await until(
      "requests are answered",
      async () => load.answered + load.lost.length,
      (answers) => answers >= before + 20,
    );
  }
  const times = /^(?:pilot_proxy_convergence_time|pilot_xds_send_time|meshwright_convergence_time)_sum(?:\{[^}]*\})? (\S+)/gm;
  const sums = Array.from((await mesh.service.metrics.scrape()).matchAll(times), ([, sum]) => Number(sum));
  expect(sums.length).toBeGreaterThanOrEqual(3);
  for (const sum of sums) {
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThan(600);
  }
  expect(load.lost).toEqual([]);
}, 60_000);
