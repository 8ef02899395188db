import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchange, freePort, httpRequest } from "../../../../control/xds/types/testing/running-proxy.ts";
import { getAt } from "../client.ts";
import { Bookshop } from "./bookshop.ts";

// Istio's task "Ingress Access Control": who may come through a gateway, by the address of the connection (ipBlocks) or of the client behind proxies (remoteIpBlocks).

const ROUTER = "router~10.0.0.9~ingress-1.istio-system~istio-system.svc.cluster.local";
const CLIENT = "203.0.113.7";
const OTHER = "198.51.100.1";
let shop: Bookshop;
let port: number;
let bytes: number;

const gateway = () => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: shop-gateway, namespace: istio-system }
spec:
  selector: { app: istio-ingressgateway }
  servers:
    - { port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }
    - { port: { number: ${bytes}, name: tcp, protocol: TCP }, hosts: ["*"] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: ["*"]
  gateways: [istio-system/shop-gateway]
  http: [{ route: [{ destination: { host: reviews, port: { number: 9080 }, subset: v1 } }] }]
  tcp: [{ match: [{ port: ${bytes} }], route: [{ destination: { host: reviews, port: { number: 9080 }, subset: v1 } }] }]
`;
const topology = (fields: string) => `
---
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
defaultConfig: { gatewayTopology: ${fields} }
`;
const ingressPolicy = (action: string, source: string) => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ingress-policy, namespace: istio-system }
spec:
  selector: { matchLabels: { app: istio-ingressgateway } }
  action: ${action}
  rules: [{ from: [{ source: ${source} }] }]
`;

const from = async (...forwarded: readonly string[]) =>
  (await getAt({ port }, "shop.example.com", "/", forwarded.length === 0 ? [] : [`x-forwarded-for: ${forwarded.join(", ")}`])).status;
const statusBehindProxy = async (address: string, headers: readonly string[] = []) => {
  const text = await exchange({ port }, `PROXY TCP4 ${address} 192.0.2.9 40000 80\r\n${httpRequest("shop.example.com", "/", headers)}`);
  return Number(text.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
};
const isConnected = async (proxyHeader = "") =>
  (await exchange({ port: bytes }, `${proxyHeader}${httpRequest("shop.example.com", "/")}`)).startsWith("HTTP/1.1 200");

beforeAll(async () => {
  [port, bytes] = [await freePort(), await freePort()];
  shop = await Bookshop.start(gateway());
  await shop.mesh.proxy(ROUTER, { LABELS: { app: "istio-ingressgateway" } });
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
});

test("all come through where nobody says otherwise", async () => {
  expect([await from(), await isConnected()]).toEqual([200, true]);
});

describe("by the connection's own address: ipBlocks", () => {
  test.each([
    ["ALLOW", "127.0.0.0/8", true],
    ["ALLOW", CLIENT, false],
    ["DENY", "127.0.0.1", false],
    ["DENY", CLIENT, true],
  ])("%s %s", async (action, block, passes) => {
    await shop.apply(gateway() + ingressPolicy(action, `{ ipBlocks: ["${block}"] }`));
    // Whatever is forwarded for.
    expect([await from(), await from(CLIENT)]).toEqual(passes ? [200, 200] : [403, 403]);
    expect(await isConnected()).toBe(passes);
  });
});

describe("by the client's address in X-Forwarded-For: remoteIpBlocks", () => {
  test("as many trusted proxies count as stand in front", async () => {
    await shop.apply(gateway() + topology("{ numTrustedProxies: 1 }") + ingressPolicy("ALLOW", `{ remoteIpBlocks: ["${CLIENT}"] }`));
    expect([await from(CLIENT), await from(OTHER), await from()]).toEqual([200, 403, 403]);
    // What the client itself has written before the proxy is no proof.
    expect([await from(CLIENT, OTHER), await from(OTHER, CLIENT)]).toEqual([403, 200]);
    await shop.apply(gateway() + topology("{ numTrustedProxies: 2 }") + ingressPolicy("DENY", `{ remoteIpBlocks: ["203.0.113.0/24"] }`));
    expect([await from(CLIENT, "10.0.0.1"), await from(OTHER, "10.0.0.1"), await from(OTHER, CLIENT, "10.0.0.1")]).toEqual([403, 200, 403]);
  });

  test("none does where there is none", async () => {
    await shop.apply(gateway() + ingressPolicy("ALLOW", `{ remoteIpBlocks: ["${CLIENT}"] }`));
    expect([await from(CLIENT), await from()]).toEqual([403, 403]);
    await shop.apply(gateway() + ingressPolicy("ALLOW", `{ remoteIpBlocks: ["127.0.0.1"] }`));
    expect([await from(CLIENT), await isConnected()]).toEqual([200, true]);
  });
});

describe("by the PROXY protocol", () => {
  const header = (address: string) => `PROXY TCP4 ${address} 192.0.2.9 40000 80\r\n`;

  test("remoteIpBlocks are about the client, for requests and for connections", async () => {
    await shop.apply(gateway() + topology("{ proxyProtocol: {} }") + ingressPolicy("ALLOW", `{ remoteIpBlocks: ["${CLIENT}"] }`));
    expect([await statusBehindProxy(CLIENT), await statusBehindProxy(OTHER)]).toEqual([200, 403]);
    expect(await statusBehindProxy(OTHER, [`x-forwarded-for: ${CLIENT}`])).toBe(403);
    expect([await isConnected(header(CLIENT)), await isConnected(header(OTHER))]).toEqual([true, false]);
  });

  test("ipBlocks are about the proxy in front", async () => {
    await shop.apply(gateway() + topology("{ proxyProtocol: {} }") + ingressPolicy("DENY", `{ ipBlocks: ["${CLIENT}"] }`));
    expect([await statusBehindProxy(CLIENT), await isConnected(header(CLIENT))]).toEqual([200, true]);
    await shop.apply(gateway() + topology("{ proxyProtocol: {} }") + ingressPolicy("DENY", `{ ipBlocks: ["127.0.0.1"] }`));
    expect([await statusBehindProxy(CLIENT), await isConnected(header(CLIENT))]).toEqual([403, false]);
  });
});
