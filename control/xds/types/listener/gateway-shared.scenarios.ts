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

/** The gateway's Service: three of its ports lead to one of its proxies. */
const TWO_PORTS = (target: number) => `
---
apiVersion: v1
kind: Service
metadata: { name: ingress }
spec:
  selector: { app: ingress }
  ports:
    - { name: http, port: 80, targetPort: ${target} }
    - { name: http-alt, port: 8000, targetPort: ${target} }
    - { name: http-tls, port: 8001, targetPort: ${target} }
`;

/** Routes that name the port of their server. */
const BY_PORT = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: by-port }
spec:
  hosts: [each.test]
  gateways: [at-80, at-8000]
  http:
    - { match: [{ port: 9 }], directResponse: { status: 200, body: { string: of-none } } }
    - { match: [{ uri: { prefix: /later }, port: 8000 }], directResponse: { status: 200, body: { string: of-8000 } } }
    - { match: [{ port: 80 }], directResponse: { status: 200, body: { string: of-80 } } }
`;

let proxy: RunningProxy;
let ports: readonly [shared: number, narrow: number, wide: number, all: number, target: number];

beforeAll(async () => {
  ports = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()];
  const [shared, narrow, wide, all, target] = ports;
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
    TWO_PORTS(target),
    GATEWAY("at-80", 80, "first.test, each.test, secure.test"),
    GATEWAY("at-8000", 8000, '"*"'),
    GATEWAY("at-8001", 8001, "secure.test", ", tls: { httpsRedirect: true }"),
    SAYS("first", "first.test", "at-80"),
    SAYS("second", "second.test", "at-8000"),
    SAYS("wild", '"*.wild.test"', "at-8000"),
    SAYS("secure", "secure.test", "at-80"),
    BY_PORT,
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

async function get(which: 0 | 1 | 2 | 3 | 4, host: string, path = "/"): Promise<string> {
  const answer = await exchange({ port: ports[which] }, httpRequest(host, path));
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

describe("servers with different numbers, which the gateway's Service leads to one port of its proxies", () => {
  test.each([
    ["the host of one", "first.test", "/", "first"],
    ["that of another", "second.test", "/", "second"],
    ["its wildcard", "any.wild.test", "/", "wild"],
    ["a host of both by the port of the one", "each.test", "/", "of-80"],
    ["and by that of the other", "each.test", "/later", "of-8000"],
    ["no host of neither", "other.test", "/", "404"],
    ["a host that one of them sends to TLS, only so", "secure.test", "/", "301"],
  ])("have %s", async (_, host, path, expected) => {
    expect(await get(4, host, path)).toBe(expected);
  });
});
