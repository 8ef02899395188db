import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../../control/xds/types/testing/running-proxy.ts";
import { getAt } from "../client.ts";
import { Bookshop } from "./bookshop.ts";

// Istio's task "Ingress Gateways": a gateway's port, and which hosts and paths come through it.

const ROUTER = "router~10.0.0.9~ingress-1.default~default.svc.cluster.local";
let shop: Bookshop;
let port: number;

const gateway = (hosts: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: shop-gateway }
spec:
  selector: { app: ingress }
  servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ${hosts} }]
`;

const paths = (hosts: string) => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: ${hosts}
  gateways: [shop-gateway]
  http:
    - match: [{ uri: { prefix: /reviews } }, { uri: { exact: /latest } }]
      route: [{ destination: { host: reviews, port: { number: 9080 }, subset: v1 } }]
    - match: [{ uri: { prefix: /stars/ } }]
      rewrite: { uri: / }
      route: [{ destination: { host: ratings, port: { number: 9080 } } }]
    - match: [{ uri: { exact: /old } }]
      redirect: { uri: /reviews, authority: new.example.com }
    - match: [{ uri: { exact: /health } }]
      directResponse: { status: 204 }
`;

beforeAll(async () => {
  port = await freePort();
  shop = await Bookshop.start(gateway(`["shop.example.com"]`) + paths(`["shop.example.com"]`));
  await shop.mesh.proxy(ROUTER, { LABELS: { app: "ingress" } });
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
});

const get = (host: string, path: string) => getAt({ port }, host, path);

test("paths that are routed come through", async () => {
  expect(await get("shop.example.com", "/reviews/1")).toMatchObject({ status: 200, body: "reviews-v1" });
  expect(await get("shop.example.com", "/latest")).toMatchObject({ status: 200, body: "reviews-v1" });
});

test("a path is rewritten on its way", async () => {
  expect(await get("shop.example.com", "/stars/5")).toMatchObject({ body: "ratings-v1" });
  expect(shop.upstream("ratings-v1").requests.at(-1)).toMatchObject({ path: "/5" });
});

test("redirects and answers of the gateway's own", async () => {
  const moved = await get("shop.example.com", "/old");
  expect([moved.status, moved.headers.get("location")]).toEqual([301, "http://new.example.com/reviews"]);
  expect(await get("shop.example.com", "/health")).toMatchObject({ status: 204, body: "" });
});

test("other paths and other hosts do not", async () => {
  expect(await get("shop.example.com", "/admin")).toMatchObject({ status: 404 });
  expect(await get("other.example.com", "/reviews")).toMatchObject({ status: 404 });
});

test("a host's port and case make no difference", async () => {
  expect(await get(`Shop.Example.com:${port}`, "/reviews")).toMatchObject({ status: 200 });
});

test("any host comes through where the gateway says so", async () => {
  await shop.apply(gateway(`["*"]`) + paths(`["*"]`));
  expect(await get("127.0.0.1", "/reviews")).toMatchObject({ status: 200, body: "reviews-v1" });
});

test("rules of a gateway do not count inside of the mesh", async () => {
  expect(await shop.call("ratings", { path: "/old" })).toMatchObject({ status: 200, body: "ratings-v1" });
});
