import { describe, expect, test } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import type { Inbound, SidecarIngress, SidecarScope } from "../../../model/index.ts";
import { inboundCluster, outboundCluster } from "../cluster-name.ts";
import { HOST, Hosts } from "../testing/hosts.ts";
import { Traffic } from "../testing/traffic.ts";
import { endpointOf, objectOf, serviceOf } from "../testing/view.ts";

const CLUSTER = outboundCluster(HOST, 80);

/** A server on a unix socket in a folder of its own. */
async function onSocket(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "socket-"));
  const path = join(folder, "app.sock");
  const server = createServer((_, response) => response.end("socket")).listen(path);
  await once(server, "listening");
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe("Where endpoints come from", () => {
  test.for([
    ["dns", "STRICT_DNS"],
    ["dns-round-robin", "LOGICAL_DNS"],
  ] as const)("%s: the name is asked for", async ([resolution], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    const endpoint = () => ({ address: "localhost" });
    await using traffic = await Traffic.start(hosts.view(undefined, { service: { resolution }, endpoint }));
    expect(traffic.proxy.refusals()).toEqual([]);
    await expect.poll(() => traffic.get(CLUSTER), { timeout: 5_000 }).toMatchObject({ status: 200, body: "0" });
  });

  test("static: also from unix sockets", async (context) => {
    await requireTarget(envoyTarget, context);
    await using socket = await onSocket();
    await using hosts = await Hosts.start(0);
    const endpoints = { [HOST]: [endpointOf(`unix://${socket.path}`, { "port-80": 0 })] };
    await using traffic = await Traffic.start(hosts.view(undefined, { endpoints }));
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 200, body: "socket" });
  });

  test("an ExternalName that names a service of the mesh has its endpoints", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    const external = { resolution: "dns" as const, addresses: [], endpoints: [endpointOf(HOST, { "port-80": 80 })] };
    const services = [serviceOf("reviews", { 80: "http" }), serviceOf("alias", { 80: "http" }, external)];
    await using traffic = await Traffic.start(hosts.view(undefined, { services }));
    const alias = outboundCluster("alias.default.svc.cluster.local", 80);
    expect(await traffic.get(alias)).toMatchObject({ status: 200, body: "0" });
  });

  test("without endpoints the answer is there at once: no healthy upstream", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(0);
    await using traffic = await Traffic.start(hosts.view(undefined));
    const start = performance.now();
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 503, body: "no healthy upstream" });
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  test("endpoints move without a change of their cluster, one by one", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(3);
    const [first, second, third] = hosts.endpoints();
    if (first === undefined || second === undefined || third === undefined) throw new Error("three hosts");
    const rule = { trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } } };
    await using traffic = await Traffic.start(hosts.view(rule, { endpoints: { [HOST]: [first] } }));
    expect(await traffic.count(CLUSTER, 4)).toEqual({ 0: 4 });
    const updates = (await traffic.stat(CLUSTER, "update_success")) + 1;
    await traffic.proxy.update({ view: hosts.view(rule, { endpoints: { [HOST]: [first, second] } }) });
    expect(await traffic.count(CLUSTER, 4)).toEqual({ 0: 2, 1: 2 });
    await traffic.proxy.update({ view: hosts.view(rule, { endpoints: { [HOST]: [third] } }) });
    expect(await traffic.count(CLUSTER, 4)).toEqual({ 2: 4 });
    expect(await traffic.stat(CLUSTER, "update_success")).toBe(updates + 1);
  });

  test("endpoints that drain take nothing while others are there", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    const endpoint = (index: number) => ({ health: index === 0 ? ("draining" as const) : ("healthy" as const) });
    await using traffic = await Traffic.start(hosts.view(undefined, { endpoint }));
    expect(await traffic.count(CLUSTER, 6)).toEqual({ 1: 6 });
    await traffic.proxy.update({ view: hosts.view(undefined, { endpoint: () => ({ health: "draining" }) }) });
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 200 });
  });

  test("endpoints that are not ready have traffic where the service publishes them", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using traffic = await Traffic.start(
      hosts.view(undefined, { service: { publishNotReady: true }, endpoint: () => ({ health: "unhealthy" }) }),
    );
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 200 });
  });

  test("a gateway, which knows no original destination, has the endpoints of a headless service", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using traffic = await Traffic.start(
      hosts.view(undefined, { proxy: { type: "router" }, service: { resolution: "none", headless: true, addresses: [] } }),
    );
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 200, body: "0" });
  });
});

describe("The workload's own ports", () => {
  const inboundOf = (port: number): Inbound => {
    const service = serviceOf("client", { 80: "http" });
    const [servicePort] = service.ports;
    if (servicePort === undefined) throw new Error("a port");
    return { ports: [{ service, port: servicePort, targetPort: port }] };
  };
  const ingressOf = (defaultEndpoint: string): SidecarScope => {
    const ingress: SidecarIngress = {
      port: { number: 9080, protocol: "http", name: "http" },
      bind: undefined,
      captureMode: "DEFAULT",
      defaultEndpoint,
      connectionPool: undefined,
      tls: undefined,
    };
    const none = { workloadSelector: undefined, egress: [], outboundTrafficPolicy: undefined, inboundConnectionPool: undefined };
    return { name: "client", namespace: "default", ...none, ingress: [ingress], object: objectOf("Sidecar", "client") };
  };

  test("inboundTrafficPolicy LOCALHOST sends to the loopback interface", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    const port = hosts.all[0]?.port ?? 0;
    await using traffic = await Traffic.start(
      hosts.view(undefined, { settings: { inboundTrafficPolicy: "LOCALHOST" }, inbound: inboundOf(port) }),
    );
    expect(await traffic.get(inboundCluster(port))).toMatchObject({ status: 200, body: "0" });
  });

  test("a Sidecar's ingress sends to its defaultEndpoint: an address, the instance's own, or a unix socket", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using socket = await onSocket();
    const port = hosts.all[0]?.port ?? 0;
    const own = { addresses: ["127.0.0.1"] };
    for (const [endpoint, body] of [
      [`127.0.0.1:${port}`, "0"],
      [`0.0.0.0:${port}`, "0"],
      [`unix://${socket.path}`, "socket"],
    ] as const) {
      await using traffic = await Traffic.start(hosts.view(undefined, { proxy: own, sidecar: ingressOf(endpoint) }));
      expect(await traffic.get(inboundCluster(9080))).toMatchObject({ status: 200, body });
      expect(traffic.proxy.refusals()).toEqual([]);
    }
  });

  test("connectionPool of a DestinationRule holds on the server's side too", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1, () => () => ({ delay: 300 }));
    const port = hosts.all[0]?.port ?? 0;
    const { trafficRules } = hosts.view({ trafficPolicy: { connectionPool: { http: { http2MaxRequests: 1 } } } });
    const rules = trafficRules(HOST);
    if (rules === undefined) throw new Error("rules");
    const own = { "client.default.svc.cluster.local": rules };
    await using traffic = await Traffic.start(
      hosts.view(undefined, { settings: { inboundTrafficPolicy: "LOCALHOST" }, inbound: inboundOf(port), trafficRules: own }),
    );
    const answers = await Promise.all(Array.from({ length: 3 }, () => traffic.get(inboundCluster(port))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});
