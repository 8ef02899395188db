import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { XDS_TYPES } from "../index.ts";
import { exchange, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

// Servers that share a listener, and hosts that a server and a VirtualService have in common (Istio's `Names.Intersection`: the narrower of the two).

const ROUTER = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";

const GATEWAY = (name: string, port: number, hosts: string, more = "") => `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${name} }
spec:
  selector: { app: ingress }
  servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: [${hosts}]${more} }]
`;

const SAYS = (name: string, hosts: string, gateways: string, body = name) => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec: { hosts: [${hosts}], gateways: [${gateways}], http: [{ directResponse: { status: 200, body: { string: ${body} } } }] }
`;

let proxy: RunningProxy;
let ports: readonly [shared: number, narrow: number, wide: number, all: number];

beforeAll(async () => {
  ports = [await freePort(), await freePort(), await freePort(), await freePort()];
  const [shared, narrow, wide, all] = ports;
  const mesh = [
    GATEWAY("a-any", shared, "any.test, both.test", ', bind: "0.0.0.0"'),
    GATEWAY("b-none", shared, "none.test, both.test"),
    SAYS("any", "any.test", "a-any"),
    SAYS("none", "none.test", "b-none"),
    SAYS("both", "both.test", "b-none"),
    GATEWAY("narrow", narrow, "a.example.com"),
    SAYS("wider", '"*.example.com"', "narrow"),
    GATEWAY("wide", wide, '"*.example.com"'),
    SAYS("narrower", "a.example.com, a.b.example.com", "wide"),
    SAYS("as-wide", '"*.b.example.com"', "wide"),
    GATEWAY("all", all, '"*.example.com", exact.test'),
    SAYS("for-all", '"*"', "all"),
    SAYS("for-one", "one.example.com", "all"),
  ];
  proxy = await RunningProxy.start({
    view: viewOfYaml(mesh.join(""), { nodeId: ROUTER, metadata: { LABELS: { app: "ingress" } } }),
    types: XDS_TYPES,
    nodeId: ROUTER,
  });
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
});

async function get(which: 0 | 1 | 2 | 3, host: string): Promise<string> {
  const answer = await exchange({ port: ports[which] }, httpRequest(host));
  const status = answer.slice(9, 12);
  return status === "200" ? answer.slice(answer.indexOf("\r\n\r\n") + 4) : status;
}

test("Envoy takes all of it", () => {
  expect(proxy.refusals()).toEqual([]);
});

describe("servers of one port, one that binds every address and one that binds none, have the hosts of both", () => {
  test.each([
    ["any.test", "any"],
    ["none.test", "none"],
    ["both.test", "both"],
    ["other.test", "404"],
  ])("%s: %s", async (host, expected) => {
    expect(await get(0, host)).toBe(expected);
  });
});

describe("a VirtualService that is wider than the server", () => {
  test.each([
    ["has the server's host", "a.example.com", "wider"],
    ["has no other", "b.example.com", "404"],
    ["has none below it", "x.a.example.com", "404"],
  ])("%s", async (_, host, expected) => {
    expect(await get(1, host)).toBe(expected);
  });

  test.each([
    ["all that several hosts of a server have, by a wildcard", "x.example.com", "for-all"],
    ["and by name", "exact.test", "for-all"],
    ["not what another has by its name", "one.example.com", "for-one"],
    ["nothing beside them", "other.test", "404"],
  ])("has %s", async (_, host, expected) => {
    expect(await get(3, host)).toBe(expected);
  });
});

describe("a server that is wider than the VirtualService", () => {
  test.each([
    ["has its host", "a.example.com", "narrower"],
    ["has its host before a wildcard", "a.b.example.com", "narrower"],
    ["has its wildcard", "x.b.example.com", "as-wide"],
    ["has no other", "b.example.com", "404"],
  ])("%s", async (_, host, expected) => {
    expect(await get(2, host)).toBe(expected);
  });
});
