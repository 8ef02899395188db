import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../until.ts";
import { Bookshop } from "./bookshop.ts";

// Istio's task "Circuit Breaking": limits of connections and waiting requests, and a workload that fails and is left out.

let shop: Bookshop;
let release: () => void = () => undefined;
let held: Promise<void> = Promise.resolve();

const policy = (trafficPolicy: object) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: limits }
spec: { host: ratings, trafficPolicy: ${JSON.stringify(trafficPolicy)} }
`;

beforeAll(async () => {
  shop = await Bookshop.start("", {
    "ratings-v1": async ({ path }) => {
      if (path === "/held") await held;
      return { body: "ratings-v1", ...(path === "/broken" ? { status: 503 } : {}) };
    },
  });
});
afterAll(async () => {
  release();
  await shop?.[Symbol.asyncDispose]();
});

test("one request is answered, one waits, and more are refused at once", async () => {
  await shop.apply(
    policy({ connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 } } }),
  );
  ({ promise: held, resolve: release } = Promise.withResolvers<void>());
  const before = shop.upstream("ratings-v1").requests.length;
  const refused: Record<string, string | undefined>[] = [];
  const call = () =>
    shop.call("ratings", { path: "/held" }).then(({ status, headers, body }) => {
      if (status !== 200) refused.push({ overloaded: headers.get("x-envoy-overloaded"), body });
      return status;
    });
  // While its connection is being opened the first one waits too, and there would be no room for another.
  const first = call();
  await until(
    "the first one is there",
    async () => shop.upstream("ratings-v1").requests.length - before,
    (count) => count === 1,
  );
  const answers = [first, ...Array.from({ length: 5 }, call)];
  await until(
    "four are refused",
    async () => refused.length,
    (count) => count >= 4,
  );
  release();
  expect((await Promise.all(answers)).toSorted()).toEqual([200, 200, 503, 503, 503, 503]);
  expect(refused.every(({ body = "" }) => body.includes("overflow"))).toBe(true);
  expect(shop.upstream("ratings-v1").requests.length - before).toBe(2);
});

test("without limits all of them are answered", async () => {
  await shop.apply("");
  ({ promise: held, resolve: release } = Promise.withResolvers<void>());
  const before = shop.upstream("ratings-v1").requests.length;
  const answers = Array.from({ length: 6 }, () => shop.call("ratings", { path: "/held" }));
  await until(
    "all of them are there",
    async () => shop.upstream("ratings-v1").requests.length - before,
    (count) => count === 6,
  );
  release();
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
});

test("what fails is left out, and nobody is asked in its place", async () => {
  await shop.apply(
    policy({ outlierDetection: { consecutive5xxErrors: 2, interval: "0.1s", baseEjectionTime: "300s", maxEjectionPercent: 100 } }),
  );
  for (let failures = 0; failures < 2; failures++) expect(await shop.call("ratings", { path: "/broken" })).toMatchObject({ status: 503 });
  const answer = await until(
    "it is left out",
    () => shop.call("ratings"),
    ({ status }) => status === 503,
  );
  expect(answer.body).toBe("no healthy upstream");
});
