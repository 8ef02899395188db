import { afterAll, beforeAll, expect, test } from "vitest";
import { Bookshop, routes } from "./bookshop.ts";

// Istio's task "Fault Injection": a delay and an abort for one user, and nothing for the others.

let shop: Bookshop;

const DELAY = 700;
const toJason = (fault: unknown) =>
  routes("ratings", [
    {
      match: [{ headers: { "end-user": { exact: "jason" } } }],
      fault,
      route: [{ destination: { host: "ratings", subset: "v1" } }],
    },
    { route: [{ destination: { host: "ratings", subset: "v1" } }] },
  ]);

async function timed<T>(work: () => Promise<T>): Promise<{ readonly answer: T; readonly milliseconds: number }> {
  const before = performance.now();
  const answer = await work();
  return { answer, milliseconds: performance.now() - before };
}

beforeAll(async () => {
  shop = await Bookshop.start(toJason({ delay: { percentage: { value: 100 }, fixedDelay: `${DELAY}ms` } }));
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
});

test("one user waits", async () => {
  const { answer, milliseconds } = await timed(() => shop.call("ratings", { user: "jason" }));
  expect(answer).toMatchObject({ status: 200, body: "ratings-v1" });
  expect(milliseconds).toBeGreaterThanOrEqual(DELAY - 10);
});

test("the others do not", async () => {
  // A busy machine makes one slow; the fastest of several tells whether there is a delay.
  const times = [];
  for (let tries = 0; tries < 5; tries++) times.push((await timed(() => shop.call("ratings"))).milliseconds);
  expect(Math.min(...times)).toBeLessThan(DELAY);
});

test("one user gets an error, and no upstream sees the request", async () => {
  await shop.apply(toJason({ abort: { percentage: { value: 100 }, httpStatus: 500 } }));
  const before = shop.upstream("ratings-v1").requests.length;
  expect(await shop.call("ratings", { user: "jason" })).toMatchObject({ status: 500, body: "fault filter abort" });
  expect(shop.upstream("ratings-v1").requests.length).toBe(before);
  expect(await shop.call("ratings")).toMatchObject({ status: 200, body: "ratings-v1" });
});

test("some of the requests get an error", async () => {
  await shop.apply(
    routes("ratings", [
      { fault: { abort: { percentage: { value: 50 }, httpStatus: 418 } }, route: [{ destination: { host: "ratings", subset: "v1" } }] },
    ]),
  );
  const { "418": aborted = 0, "ratings-v1": answered = 0, ...others } = await shop.count("ratings", 200);
  expect(others).toEqual({});
  expect(aborted).toBeGreaterThan(58);
  expect(answered).toBeGreaterThan(58);
});

test("without a percentage no request gets a fault", async () => {
  await shop.apply(
    routes("ratings", [{ fault: { abort: { httpStatus: 500 } }, route: [{ destination: { host: "ratings", subset: "v1" } }] }]),
  );
  expect(await shop.count("ratings", 30)).toEqual({ "ratings-v1": 30 });
});

test("an abort with a status of gRPC is HTTP 200 to a client that speaks none", async () => {
  await shop.apply(toJason({ abort: { percentage: { value: 100 }, grpcStatus: "UNAVAILABLE" } }));
  expect(await shop.call("ratings", { user: "jason" })).toMatchObject({ status: 200, body: "fault filter abort" });
});
