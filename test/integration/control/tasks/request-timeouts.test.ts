import { afterAll, beforeAll, expect, test } from "vitest";
import { Bookshop, routes } from "./bookshop.ts";

// Istio's task "Request Timeouts": a service that takes longer than its caller waits.

let shop: Bookshop;

const SLOW = 900;
const destination = { host: "reviews", subset: "v2" };

beforeAll(async () => {
  shop = await Bookshop.start("", {
    "reviews-v2": ({ path }) => ({ body: "reviews-v2", ...(path === "/slow" ? { delay: SLOW } : {}) }),
  });
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
});

test("without a timeout the answer comes when it comes", async () => {
  await shop.apply(routes("reviews", [{ route: [{ destination }] }]));
  expect(await shop.call("reviews", { path: "/slow" })).toMatchObject({ status: 200, body: "reviews-v2" });
});

test("with a timeout the caller hears of it in time", async () => {
  await shop.apply(routes("reviews", [{ timeout: "0.1s", retries: { attempts: 0 }, route: [{ destination }] }]));
  expect(await shop.call("reviews", { path: "/slow" })).toMatchObject({ status: 504, body: "upstream request timeout" });
});

test("what is in time is answered", async () => {
  await shop.apply(routes("reviews", [{ timeout: "10s", route: [{ destination }] }]));
  expect(await shop.call("reviews", { path: "/slow" })).toMatchObject({ status: 200, body: "reviews-v2" });
});

test("no header of a caller changes it", async () => {
  // `x-envoy-upstream-rq-timeout-ms` is Envoy's own, and internal.
  await shop.apply(routes("reviews", [{ timeout: "10s", route: [{ destination }] }]));
  expect(await shop.call("reviews", { path: "/slow", headers: ["x-envoy-upstream-rq-timeout-ms: 10"] })).toMatchObject({ status: 200 });
});

test("each try has its own, within that of the request", async () => {
  await shop.apply(
    routes("reviews", [
      { timeout: "2s", retries: { attempts: 2, perTryTimeout: "0.1s", retryOn: "5xx,gateway-error" }, route: [{ destination }] },
    ]),
  );
  const before = shop.upstream("reviews-v2").requests.length;
  expect(await shop.call("reviews", { path: "/slow" })).toMatchObject({ status: 504 });
  expect(shop.upstream("reviews-v2").requests.length - before).toBe(3);
});

test("a delay before a timeout does not count against it", async () => {
  // Envoy's router starts the clock when it gets the request, and the fault comes before: the caller waits for both.
  await shop.apply(
    routes("reviews", [
      { fault: { delay: { percentage: { value: 100 }, fixedDelay: "0.5s" } }, timeout: "0.4s", route: [{ destination }] },
    ]),
  );
  expect(await shop.call("reviews")).toMatchObject({ status: 200, body: "reviews-v2" });
});
