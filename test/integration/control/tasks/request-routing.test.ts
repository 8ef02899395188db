import { afterAll, beforeAll, expect, test } from "vitest";
import { Bookshop } from "./bookshop.ts";

// Istio's task "Request Routing": everything to one version, then by who asks.

let shop: Bookshop;

const virtualService = (http: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
${http}
`;

const byUser = virtualService(`
    - match: [{ headers: { end-user: { exact: jason } } }]
      route: [{ destination: { host: reviews, subset: v2 } }]
    - route: [{ destination: { host: reviews, subset: v1 } }]
`);

beforeAll(async () => {
  shop = await Bookshop.start();
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
});

test("without rules every version answers", async () => {
  await shop.apply("");
  expect(Object.keys(await shop.count("reviews", 100)).toSorted()).toEqual(["reviews-v1", "reviews-v2", "reviews-v3"]);
});

test("everything goes to one version", async () => {
  await shop.apply(virtualService("    - route: [{ destination: { host: reviews, subset: v1 } }]"));
  expect(await shop.count("reviews", 50)).toEqual({ "reviews-v1": 50 });
});

test("one user sees another version", async () => {
  await shop.apply(byUser);
  expect(await shop.call("reviews", { user: "jason" })).toMatchObject({ status: 200, body: "reviews-v2" });
  expect(await shop.call("reviews", { user: "jasona" })).toMatchObject({ body: "reviews-v1" });
  expect(await shop.call("reviews", { user: "Jason" })).toMatchObject({ body: "reviews-v1" });
  expect(await shop.call("reviews")).toMatchObject({ body: "reviews-v1" });
});

test.each([
  ["a prefix of the path", "uri: { prefix: /new/ }", "/new/books", "/news"],
  ["the whole path", "uri: { exact: /new }", "/new?a=b", "/new/"],
  ["a regular expression", "uri: { regex: '/v[0-9]+/.*' }", "/v12/x", "/vx/x"],
  ["a query parameter", "queryParams: { beta: { exact: 'yes' } }", "/?beta=yes", "/?beta=no"],
  ["the method", "method: { exact: GET }, uri: { prefix: /get }", "/get", "/other"],
])("a rule matches %s", async (_, match, matching, other) => {
  await shop.apply(
    virtualService(`
    - match: [{ ${match} }]
      route: [{ destination: { host: reviews, subset: v3 } }]
    - route: [{ destination: { host: reviews, subset: v1 } }]
`),
  );
  expect(await shop.call("reviews", { path: matching })).toMatchObject({ body: "reviews-v3" });
  expect(await shop.call("reviews", { path: other })).toMatchObject({ body: "reviews-v1" });
});

test("a header that is there, and one that is not", async () => {
  await shop.apply(
    virtualService(`
    - match: [{ headers: { x-beta: {} }, withoutHeaders: { x-off: {} } }]
      route: [{ destination: { host: reviews, subset: v3 } }]
    - route: [{ destination: { host: reviews, subset: v1 } }]
`),
  );
  expect(await shop.call("reviews", { headers: ["x-beta: 1"] })).toMatchObject({ body: "reviews-v3" });
  expect(await shop.call("reviews", { headers: ["x-beta: 1", "x-off: 1"] })).toMatchObject({ body: "reviews-v1" });
  expect(await shop.call("reviews")).toMatchObject({ body: "reviews-v1" });
});

test("the rules go, and every version answers again", async () => {
  await shop.apply(byUser);
  await shop.apply("");
  expect(Object.keys(await shop.count("reviews", 100)).toSorted()).toEqual(["reviews-v1", "reviews-v2", "reviews-v3"]);
});
