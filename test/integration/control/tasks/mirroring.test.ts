import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../until.ts";
import { Bookshop, type Program, routes } from "./bookshop.ts";

// Istio's task "Mirroring": a copy of the traffic goes to another version, whose answers nobody sees.

let shop: Bookshop;

const mirrored = (rest: object) => routes("reviews", [{ route: [{ destination: { host: "reviews", subset: "v1" } }], ...rest }]);
const to = (subset: string) => ({ host: "reviews", subset });
const seen = (program: Program) => shop.upstream(program).requests.length;
const copied = (program: Program, number: number) =>
  until(
    `${program} has seen ${number} requests`,
    async () => seen(program),
    (count) => count >= number,
  );

beforeAll(async () => {
  shop = await Bookshop.start(mirrored({}), { "reviews-v2": () => ({ status: 500, body: "broken" }) });
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
});

test("without a mirror only one version sees requests", async () => {
  expect(await shop.count("reviews", 20)).toEqual({ "reviews-v1": 20 });
  expect([seen("reviews-v2"), seen("reviews-v3")]).toEqual([0, 0]);
});

test("the copy is of every request, and its answer is thrown away", async () => {
  await shop.apply(mirrored({ mirror: to("v2"), mirrorPercentage: { value: 100 } }));
  const before = seen("reviews-v2");
  expect(await shop.count("reviews", 30)).toEqual({ "reviews-v1": 30 });
  expect(await copied("reviews-v2", before + 30)).toBe(before + 30);
});

test("the copy keeps path and host", async () => {
  await shop.apply(mirrored({ mirror: to("v3") }));
  const before = seen("reviews-v3");
  await shop.call("reviews", { path: "/copied?a=b", headers: ["x-test: 1"] });
  await copied("reviews-v3", before + 1);
  expect(shop.upstream("reviews-v3").requests.at(-1)).toMatchObject({ path: "/copied?a=b", authority: "reviews:9080" });
});

test("a percentage of 0 is no mirror", async () => {
  await shop.apply(mirrored({ mirror: to("v3"), mirrorPercentage: { value: 0 } }));
  const before = seen("reviews-v3");
  await shop.count("reviews", 30);
  // A copy leaves before the answer to the original can come: what is not there now does not come.
  expect(seen("reviews-v3")).toBe(before);
});

test("several mirrors get a copy each", async () => {
  await shop.apply(mirrored({ mirrors: [{ destination: to("v2") }, { destination: to("v3"), percentage: { value: 50 } }] }));
  const before = { v2: seen("reviews-v2"), v3: seen("reviews-v3") };
  expect(await shop.count("reviews", 100)).toEqual({ "reviews-v1": 100 });
  expect(await copied("reviews-v2", before.v2 + 100)).toBe(before.v2 + 100);
  const share = (await copied("reviews-v3", before.v3 + 21)) - before.v3;
  expect(share).toBeLessThan(80);
});
