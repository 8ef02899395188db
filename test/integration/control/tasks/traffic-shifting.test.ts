import { afterAll, beforeAll, expect, test } from "vitest";
import { Bookshop, routes } from "./bookshop.ts";

// Istio's task "Traffic Shifting": from one version to another by weights.

let shop: Bookshop;

const weighted = (weights: Readonly<Record<string, number>>) =>
  routes("reviews", [{ route: Object.entries(weights).map(([subset, weight]) => ({ destination: { host: "reviews", subset }, weight })) }]);

beforeAll(async () => {
  shop = await Bookshop.start(weighted({ v1: 100 }));
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
});

test("all of it stays at first", async () => {
  expect(await shop.count("reviews", 50)).toEqual({ "reviews-v1": 50 });
});

// Bounds are six standard deviations of a binomial distribution of 200: one run in some hundred millions fails by chance.
test.each([
  { weights: { v1: 50, v3: 50 }, low: 58, high: 142 },
  { weights: { v1: 20, v3: 80 }, low: 127, high: 193 },
])("half, then most of it: $weights", async ({ weights, low, high }) => {
  await shop.apply(weighted(weights));
  const { "reviews-v1": v1 = 0, "reviews-v3": v3 = 0, ...others } = await shop.count("reviews", 200);
  expect(others).toEqual({});
  expect(v1 + v3).toBe(200);
  expect(v3).toBeGreaterThan(low);
  expect(v3).toBeLessThan(high);
});

test("all of it goes over in the end, also where the other stays with a weight of 0", async () => {
  await shop.apply(weighted({ v3: 100 }));
  expect(await shop.count("reviews", 50)).toEqual({ "reviews-v3": 50 });
  await shop.apply(weighted({ v1: 0, v3: 100 }));
  expect(await shop.count("reviews", 50)).toEqual({ "reviews-v3": 50 });
});

test("headers of a destination come to its share only", async () => {
  await shop.apply(
    routes("reviews", [
      {
        route: [
          { destination: { host: "reviews", subset: "v1" }, weight: 50 },
          { destination: { host: "reviews", subset: "v2" }, weight: 50, headers: { response: { set: { "x-share": "new" } } } },
        ],
      },
    ]),
  );
  const answers = await Promise.all(Array.from({ length: 40 }, () => shop.call("reviews")));
  for (const { body, headers } of answers) expect(headers.get("x-share")).toBe(body === "reviews-v2" ? "new" : undefined);
  expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(["reviews-v1", "reviews-v2"]));
});
