import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { XDS_TYPES } from "../index.ts";
import { exchange, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

/** A service at an address of IPv6, whose host is on this machine's. */
function service(name: string, address: string, port: number, protocol: string, endpoint: number): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  addresses: ["${address}", "10.10.0.1"]
  ports: [{ number: ${port}, name: port, protocol: ${protocol}, targetPort: ${endpoint} }]
  resolution: STATIC
  endpoints: [{ address: "::1" }]
`;
}

describe("a sidecar with addresses of IPv6 alone", () => {
  const NODE = "sidecar~fd00::1~client-1.default~default.svc.cluster.local";
  let web: Upstream;
  let proxy: RunningProxy;
  let explicit: number;

  beforeAll(async () => {
    web = await startUpstream({ host: "::1", script: ({ path, authority }) => ({ body: `${authority} ${path}` }) });
    explicit = await freePort();
    const yaml = `
${service("web", "fd10::1", 80, "HTTP", web.port)}
${service("bytes", "fd10::2", 5000, "TCP", web.port)}
${service("ranges", "fd20::/16", 5001, "TCP", web.port)}
${service("explicit", "fd10::3", explicit, "HTTP", web.port)}
---
apiVersion: v1
kind: Service
metadata: { name: client }
spec: { selector: { app: client }, clusterIP: "fd10::4", ports: [{ name: http, port: 8080, targetPort: ${web.port} }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: client-1 }
spec: { address: "fd00::1", labels: { app: client } }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: client }
spec:
  egress:
    - { port: { number: ${explicit}, protocol: HTTP, name: explicit }, captureMode: NONE, hosts: ["./explicit.test"] }
    - { hosts: ["*/*"] }
---
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
inboundTrafficPolicy: { mode: LOCALHOST }
`;
    proxy = await RunningProxy.start({ view: viewOfYaml(yaml, { nodeId: NODE }), types: XDS_TYPES, nodeId: NODE });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await web?.[Symbol.asyncDispose]();
  });

  test("has listeners that Envoy takes, all of that family", async () => {
    expect(proxy.refusals()).toEqual([]);
    const listeners = (await proxy.envoy.admin.text("GET", "/listeners")).split("\n").map((line) => line.split("::").slice(1).join("::"));
    expect(listeners.filter((address) => /^\d+\./.test(address))).toEqual([]);
  });

  test("takes connections of the workload by their addresses", async () => {
    expect(await proxy.redirected("outbound", "[fd10::1]:80", httpRequest("web.test", "/a"))).toContain("web.test /a");
    expect(await proxy.redirected("outbound", "[fd10::1]:80", httpRequest("[fd10::1]", "/b"))).toContain("[fd10::1] /b");
    expect(await proxy.redirected("outbound", "[fd10::2]:5000", httpRequest("x.test", "/c"))).toContain("x.test /c");
    expect(await proxy.redirected("outbound", "[fd20::77]:5001", httpRequest("y.test", "/d"))).toContain("y.test /d");
  });

  test("sends on what is for nobody in the mesh", async () => {
    expect(await proxy.redirected("outbound", `[::1]:${web.port}`, httpRequest("any.test", "/e"))).toContain("any.test /e");
  });

  test("reaches its workload at ::1", async () => {
    const answer = await proxy.redirected("inbound", `[fd00::1]:${web.port}`, httpRequest("client", "/f"));
    expect(answer).toContain("client /f");
    expect(answer).toContain("server: istio-envoy");
  });

  test("listens for the workload at ::1 where nobody redirects", async () => {
    expect(await exchange({ address: "::1", port: explicit }, httpRequest("explicit.test", "/g"))).toContain("explicit.test /g");
    expect(await exchange({ address: "127.0.0.1", port: explicit }, httpRequest("explicit.test", "/g"))).toBe("reset");
  });
});

describe("a gateway listens on the families of its addresses:", () => {
  test.each([
    ["IPv4", "10.0.0.2", {}, { "127.0.0.1": true, "::1": false }],
    ["IPv6", "fd00::2", {}, { "127.0.0.1": false, "::1": true }],
    ["both", "10.0.0.2", { INSTANCE_IPS: "10.0.0.2,fd00::2" }, { "127.0.0.1": true, "::1": true }],
    [
      "IPv4, where the other holds on one cable only",
      "10.0.0.2",
      { INSTANCE_IPS: "10.0.0.2,fe80::2" },
      { "127.0.0.1": true, "::1": false },
    ],
  ])("%s", async (_what, address, metadata, expected) => {
    const port = await freePort();
    const nodeId = `router~${address}~ingress-1.default~default.svc.cluster.local`;
    const yaml = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge }
spec:
  hosts: ["*"]
  gateways: [edge]
  http: [{ directResponse: { status: 200, body: { string: hello } } }]
`;
    await using proxy = await RunningProxy.start({ view: viewOfYaml(yaml, { nodeId, metadata }), types: XDS_TYPES, nodeId });
    expect(proxy.refusals()).toEqual([]);
    for (const [of, listens] of Object.entries(expected)) {
      const answer = await exchange({ address: of, port }, httpRequest("any.test"));
      expect(`${of}: ${answer.includes("hello")}`).toBe(`${of}: ${listens}`);
    }
  });
});
