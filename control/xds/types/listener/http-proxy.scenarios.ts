import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchange, freePort } from "../testing/running-proxy.ts";
import { TunedProxy } from "./testing/tuned-proxy.ts";

// MeshConfig's `proxyHttpPort`, a Sidecar's listener of HTTP_PROXY, and the names that clusters have in statistics: `outboundClusterStatName`, `inboundClusterStatName`.

const NODE = "sidecar~10.0.0.1~client.default~default.svc.cluster.local";

let server: Server;
let other: Server;
let proxy: TunedProxy;
let port: number;

async function listening(answer: string): Promise<Server> {
  const made = createServer((_, response) => void response.end(answer)).listen(0, "127.0.0.1");
  await once(made, "listening");
  return made;
}

const portOf = (made: Server): number => (made.address() as AddressInfo).port;

beforeAll(async () => {
  [server, other, port] = [await listening("eighty"), await listening("other"), await freePort()];
  proxy = await TunedProxy.start(
    `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.1.0.1, ports: [{ name: http, port: 80 }, { name: http-other, port: 8080 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
endpoints: [{ addresses: [127.0.0.1] }]
ports: [{ name: http, port: ${portOf(server)} }, { name: http-other, port: ${portOf(other)} }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside }
spec:
  hosts: [outside.test]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${portOf(server)} }, { number: 90, name: tcp, protocol: TCP, targetPort: ${portOf(server)} }]
  addresses: [10.1.0.2]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, labels: { version: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: outside }
spec: { host: outside.test, subsets: [{ name: v1, labels: { version: v1 } }] }
---
apiVersion: v1
kind: Service
metadata: { name: client }
spec: { clusterIP: 10.1.0.3, selector: { app: client }, ports: [{ name: http, port: 80, targetPort: ${portOf(server)} }] }
---
apiVersion: v1
kind: Pod
metadata: { name: client, labels: { app: client } }
status: { podIP: 10.0.0.1 }
`,
    { nodeId: NODE, metadata: { LABELS: { app: "client" } } },
  );
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  for (const each of [server, other]) {
    each?.closeAllConnections();
    each?.close();
  }
});

describe("a sidecar as HTTP proxy", () => {
  const ask = async (target: string, at = port) => {
    const { host } = new URL(target);
    const answer = await exchange({ port: at }, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return answer.startsWith("HTTP/1.1 200") ? answer.slice(answer.indexOf("\r\n\r\n") + 4) : answer.slice(0, 12);
  };

  test("is there where proxyHttpPort says, for hosts of all ports", async () => {
    expect(await ask("http://web/")).toBe("reset");
    await proxy.tune({ proxyHttpPort: port, outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } });
    await expect.poll(() => ask("http://web/"), { timeout: 15_000 }).toBe("eighty");
    expect(await ask("http://web:8080/")).toBe("other");
    expect(await ask("http://web.default.svc.cluster.local:8080/")).toBe("other");
    expect(await ask("http://web:81/")).toBe("HTTP/1.1 502");
    expect(await ask("http://outside.test/")).toBe("eighty");
    expect(await ask("http://unknown.test/")).toBe("HTTP/1.1 502");
  });

  test("is there where a Sidecar has a listener of HTTP_PROXY, for all ports of the hosts that it imports", async () => {
    const own = await freePort();
    const sidecar = `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: client }
spec:
  egress:
    - { port: { number: ${own}, protocol: HTTP_PROXY, name: proxy }, bind: 127.0.0.1, captureMode: NONE, hosts: ["./web.default.svc.cluster.local"] }
    - { hosts: ["./outside.test"] }
`;
    await proxy.tune({ outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } }, sidecar);
    await expect.poll(() => ask("http://web/", own), { timeout: 15_000 }).toBe("eighty");
    expect(await ask("http://web:8080/", own)).toBe("other");
    expect(await ask("http://web:81/", own)).toBe("HTTP/1.1 502");
    expect(await ask("http://outside.test/", own)).toBe("HTTP/1.1 502");
  });
});

describe("clusters are called in statistics", () => {
  const names = async () => {
    const { values } = await proxy.proxy.envoy.admin.stats("^cluster[.].*[.]membership_total$");
    return Object.keys(values).map((name) => name.replace(/^cluster\./, "").replace(/[.]membership_total$/, ""));
  };

  test("what outboundClusterStatName and inboundClusterStatName say", async () => {
    await proxy.tune({
      outboundClusterStatName: "out/%SERVICE%/%SERVICE_NAME%/%SERVICE_PORT%/%SERVICE_PORT_NAME%/%SUBSET_NAME%/%TARGET_PORT%",
      inboundClusterStatName: "in/%SERVICE_FQDN%/%SERVICE_PORT%/%TARGET_PORT%/%OTHER%",
    });
    const expected = [
      "out/web.default/web/80/http//0;",
      "out/web.default/web/8080/http-other//0;",
      "out/outside.test/outside.test/80/http/v1/0;",
      `in/client.default.svc.cluster.local/80/${portOf(server)}/%OTHER%;`,
      "BlackHoleCluster;",
    ];
    await expect.poll(names, { timeout: 15_000 }).toEqual(expect.arrayContaining(expected));
    await proxy.proxy.redirected("outbound", "10.1.0.2:90", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const { values } = await proxy.proxy.envoy.admin.stats("^tcp[.]out/.*downstream_cx_total$");
    expect(values).toEqual({ "tcp.out/outside.test/outside.test/90/tcp//0.downstream_cx_total": 1 });
  });

  test("by the ports of a Sidecar's ingress, of the service behind them or of the Sidecar itself", async () => {
    const ingress = [
      [portOf(server), "http-in"],
      [7777, "http-alone"],
    ].map(
      ([number, name]) => `{ port: { number: ${number}, name: ${name}, protocol: HTTP }, defaultEndpoint: "127.0.0.1:${portOf(other)}" }`,
    );
    const pattern = "in/%SERVICE_FQDN%/%SERVICE_PORT%/%SERVICE_PORT_NAME%/%TARGET_PORT%";
    await proxy.tune(
      { inboundClusterStatName: pattern },
      `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: ports }
spec: { ingress: [${ingress.join()}], egress: [{ hosts: ["*/*"] }] }
`,
    );
    const expected = [
      `in/client.default.svc.cluster.local/${portOf(server)}/http-in/${portOf(server)};`,
      "in/ports.default/7777/http-alone/7777;",
    ];
    await expect.poll(names, { timeout: 15_000 }).toEqual(expect.arrayContaining(expected));
  });

  test("by their own names where nobody says", async () => {
    await proxy.tune({});
    await expect.poll(names, { timeout: 15_000 }).toEqual(expect.arrayContaining(["outbound|80||web.default.svc.cluster.local;"]));
  });
});
