import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { XDS_TYPES } from "../index.ts";
import { exchange, freePort, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

// What a proxy's node and pod say of it: HTTP/1.0 (metadata `HTTP10`, Istio's ISTIO_META_HTTP10), and the annotation `proxy.istio.io/config`.

const CLIENT = "sidecar~10.0.0.1~client.default~default.svc.cluster.local";
const ROUTER = "router~10.0.0.2~ingress.default~default.svc.cluster.local";

let server: Server;
let port: number;
let mesh: string;

beforeAll(async () => {
  server = createServer((_, response) => void response.end("here")).listen(0, "127.0.0.1");
  await once(server, "listening");
  port = await freePort();
  mesh = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.test]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${(server.address() as AddressInfo).port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { app: ingress }, servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec: { hosts: [web.test], gateways: [mesh, edge], http: [{ route: [{ destination: { host: web.test } }] }] }
`;
});
afterAll(() => {
  server?.closeAllConnections();
  server?.close();
});

const OLD = "GET / HTTP/1.0\r\nHost: web.test\r\n\r\n";
const statusOf = (answer: string) => answer.slice(9, 12);

describe("a request of HTTP/1.0", () => {
  let proxy: RunningProxy;
  let router: RunningProxy;
  const outbound = () => proxy.redirected("outbound", "127.0.0.1:80", OLD).then(statusOf);
  const gateway = () => exchange({ port }, OLD).then(statusOf);
  /** Connections of the sidecar that were passed on as bytes, to where they were meant to go. */
  const connections = async () => {
    const { values } = await proxy.envoy.admin.stats("^tcp.PassthroughCluster.downstream_cx_total$");
    return values["tcp.PassthroughCluster.downstream_cx_total"] ?? 0;
  };
  const of = (nodeId: string, HTTP10?: string) =>
    viewOfYaml(mesh, { nodeId, metadata: { LABELS: { app: "ingress" }, ...(HTTP10 === undefined ? {} : { HTTP10 }) } });

  beforeAll(async () => {
    proxy = await RunningProxy.start({ view: of(CLIENT, "1"), types: XDS_TYPES, nodeId: CLIENT });
    router = await RunningProxy.start({ view: of(ROUTER, "1"), types: XDS_TYPES, nodeId: ROUTER });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await router?.[Symbol.asyncDispose]();
  });

  test("is taken where the proxy's node says so", async () => {
    expect([await outbound(), await gateway()]).toEqual(["200", "200"]);
    expect(await connections()).toBe(0);
    expect([...proxy.refusals(), ...router.refusals()]).toEqual([]);
  });

  test.each([undefined, "0", "true"])(
    "is none of HTTP where it says %s: refused by gateways, passed on as bytes by sidecars",
    async (http10) => {
      await proxy.update({ view: of(CLIENT, http10) });
      await router.update({ view: of(ROUTER, http10) });
      await expect.poll(gateway, { timeout: 15_000 }).toBe("426");
      const before = await connections();
      await expect.poll(async () => (await outbound(), connections()), { timeout: 15_000 }).toBeGreaterThan(before);
    },
  );
});

describe("the annotation proxy.istio.io/config of the proxy's pod", () => {
  const pod = (annotation: string, address = "10.0.0.2") => `
---
apiVersion: v1
kind: Pod
metadata: { name: ingress, annotations: { proxy.istio.io/config: '${annotation}' } }
status: { podIP: ${address} }
`;
  const of = (more: string, metadata = {}) =>
    viewOfYaml(mesh + more, { nodeId: ROUTER, metadata: { LABELS: { app: "ingress" }, ...metadata } });
  const named = (name: string) => `proxyHeaders: { server: { value: ${name} } }`;
  let router: RunningProxy;

  beforeAll(async () => {
    router = await RunningProxy.start({ view: of(""), types: XDS_TYPES, nodeId: ROUTER });
  });
  afterAll(async () => {
    await router?.[Symbol.asyncDispose]();
  });

  const ask = async () => {
    const answer = await exchange({ port }, "GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n");
    return /\r\nserver: ([^\r]*)/i.exec(answer)?.[1] ?? statusOf(answer);
  };

  test.each([
    ["says what its listeners do", pod(named("pod")), {}, "pod"],
    ["is not another pod's", pod(named("pod"), "10.0.0.3"), {}, "istio-envoy"],
    ["stands below what the node says", pod(named("pod")), { PROXY_CONFIG: { proxyHeaders: { server: { value: "node" } } } }, "node"],
    ["may stand in the node's metadata ANNOTATIONS", "", { ANNOTATIONS: { "proxy.istio.io/config": named("annotation") } }, "annotation"],
  ])("%s", async (_what, more, metadata, expected) => {
    await router.update({ view: of(more, metadata) });
    await expect.poll(ask, { timeout: 15_000 }).toBe(expected);
    expect(router.refusals()).toEqual([]);
  });
});
