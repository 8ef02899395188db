import { connect as connectTls, type ConnectionOptions, type PeerCertificate } from "node:tls";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { XDS_TYPES } from "../index.ts";
import { exchange, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

const ROUTER = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";
const indent = (text: string, by: number): string => text.trim().replaceAll("\n", `\n${" ".repeat(by)}`);

function secret(name: string, principal: string): string {
  const { certificate, key, authority } = identityOf(principal);
  return `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name} }
type: kubernetes.io/tls
stringData:
  tls.crt: |
    ${indent(certificate, 4)}
  tls.key: |
    ${indent(key, 4)}
  ca.crt: |
    ${indent(authority, 4)}
`;
}

function service(name: string, port: number, protocol: string, endpoint: number): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  addresses: [10.10.0.${endpoint % 250}]
  ports: [{ number: ${port}, name: port, protocol: ${protocol}, targetPort: ${endpoint} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;
}

function http(host: string, gateway: string, destination: string): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${host.replaceAll("*", "all").replaceAll(".", "-")} }
spec:
  hosts: ["${host}"]
  gateways: [${gateway}]
  http: [{ route: [{ destination: { host: ${destination} } }] }]
`;
}

describe("a gateway", () => {
  let web: Upstream;
  let proxy: RunningProxy;
  let plain: number;
  let secure: number;
  let bytes: number;

  beforeAll(async () => {
    web = await startUpstream({ script: ({ path, authority, headers }) => ({ body: `${authority} ${path} ${JSON.stringify(headers)}` }) });
    [plain, secure, bytes] = [await freePort(), await freePort(), await freePort()];
    const yaml = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { app: ingress }
  servers:
    - port: { number: ${plain}, name: http, protocol: HTTP }
      hosts: ["plain.test"]
    - port: { number: ${plain}, name: http-redirect, protocol: HTTP }
      hosts: ["simple.test"]
      tls: { httpsRedirect: true }
    - port: { number: ${secure}, name: https-simple, protocol: HTTPS }
      hosts: ["simple.test"]
      tls: { mode: SIMPLE, credentialName: simple, minProtocolVersion: TLSV1_3 }
    - port: { number: ${secure}, name: https-mutual, protocol: HTTPS }
      hosts: ["mutual.test"]
      tls: { mode: MUTUAL, credentialName: mutual, subjectAltNames: ["spiffe://friend"] }
    - port: { number: ${secure}, name: https-optional, protocol: HTTPS }
      hosts: ["optional.test"]
      tls: { mode: OPTIONAL_MUTUAL, credentialName: optional }
    - port: { number: ${secure}, name: https-missing, protocol: HTTPS }
      hosts: ["missing.test"]
      tls: { mode: SIMPLE, credentialName: nowhere }
    - port: { number: ${secure}, name: https-wild, protocol: HTTPS }
      hosts: ["*.wild.test"]
      tls: { mode: SIMPLE, credentialName: wild }
    - port: { number: ${secure}, name: tls-terminated, protocol: TLS }
      hosts: ["terminated.test"]
      tls: { mode: SIMPLE, credentialName: simple }
    - port: { number: ${secure}, name: tls-through, protocol: TLS }
      hosts: ["through.test"]
      tls: { mode: PASSTHROUGH }
    - port: { number: ${bytes}, name: tcp, protocol: TCP }
      hosts: ["*"]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: second }
spec:
  selector: { app: ingress }
  servers:
    - port: { number: ${plain}, name: http, protocol: HTTP }
      hosts: ["second.test"]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: layer-4 }
spec:
  hosts: ["through.test", "terminated.test", "tcp.test"]
  gateways: [edge]
  tls:
    - match: [{ port: ${secure}, sniHosts: [through.test] }]
      route: [{ destination: { host: secure.test } }]
  tcp:
    - match: [{ port: ${bytes} }]
      route: [{ destination: { host: web.test } }]
    - match: [{ port: ${secure} }]
      route: [{ destination: { host: web.test } }]
${service("web", 80, "HTTP", web.port)}
${service("secure", 443, "TLS", web.port)}
${http("plain.test", "edge", "web.test")}
${http("second.test", "second", "web.test")}
${http("simple.test", "edge", "web.test")}
${http("mutual.test", "edge", "web.test")}
${http("optional.test", "edge", "web.test")}
${http("missing.test", "edge", "web.test")}
${http("*.wild.test", "edge", "web.test")}
${secret("simple", "simple.test")}
${secret("mutual", "mutual.test")}
${secret("optional", "optional.test")}
${secret("wild", "*.wild.test")}
`;
    const view = viewOfYaml(yaml, { nodeId: ROUTER, metadata: { LABELS: { app: "ingress" } } });
    proxy = await RunningProxy.start({ view, types: XDS_TYPES, nodeId: ROUTER });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await web?.[Symbol.asyncDispose]();
  });

  const tls = (servername: string, more: ConnectionOptions = {}) => ({ servername, ca: identityOf("simple.test").authority, ...more });
  const friend = { cert: identityOf("spiffe://friend").certificate, key: identityOf("spiffe://friend").key };
  const stranger = { cert: identityOf("spiffe://stranger").certificate, key: identityOf("spiffe://stranger").key };

  async function certificateOf(servername: string): Promise<PeerCertificate> {
    const socket = connectTls({ port: secure, servername, rejectUnauthorized: false, ca: identityOf("simple.test").authority });
    await once(socket, "secureConnect");
    const certificate = socket.getPeerCertificate();
    socket.destroy();
    return certificate;
  }

  test("has a configuration that Envoy takes", () => {
    expect(proxy.refusals()).toEqual([]);
  });

  test("serves hosts of several gateways on one port", async () => {
    expect(await exchange({ port: plain }, httpRequest("plain.test", "/a"))).toContain("plain.test /a");
    expect(await exchange({ port: plain }, httpRequest("second.test", "/b"))).toContain("second.test /b");
    expect(await exchange({ port: plain }, httpRequest("unknown.test"))).toContain("404 Not Found");
  });

  test("sends plain requests to HTTPS where the server says so", async () => {
    const answer = await exchange({ port: plain }, httpRequest("simple.test", "/c"));
    expect(answer).toContain("301 Moved Permanently");
    expect(answer).toContain("location: https://simple.test/c");
  });

  test("has the certificate of the server that SNI names", async () => {
    expect((await certificateOf("simple.test")).subjectaltname).toBe("DNS:simple.test");
    expect((await certificateOf("a.wild.test")).subjectaltname).toBe("DNS:*.wild.test");
    expect(await exchange({ port: secure, tls: tls("simple.test") }, httpRequest("simple.test", "/d"))).toContain("simple.test /d");
    expect(await exchange({ port: secure, tls: tls("a.wild.test") }, httpRequest("a.wild.test", "/e"))).toContain("a.wild.test /e");
  });

  test("speaks no version of TLS below the lowest", async () => {
    expect(await exchange({ port: secure, tls: tls("simple.test", { maxVersion: "TLSv1.2" }) }, httpRequest("simple.test"))).toBe("reset");
    expect(await exchange({ port: secure, tls: tls("a.wild.test", { maxVersion: "TLSv1.2" }) }, httpRequest("a.wild.test"))).toContain(
      "200 OK",
    );
  });

  test("opens no host of another server's certificate", async () => {
    expect(await exchange({ port: secure, tls: tls("simple.test") }, httpRequest("mutual.test"))).toContain("404 Not Found");
  });

  test("wants a certificate of the right name from clients of MUTUAL", async () => {
    expect(await exchange({ port: secure, tls: tls("mutual.test") }, httpRequest("mutual.test"))).toBe("reset");
    expect(await exchange({ port: secure, tls: tls("mutual.test", stranger) }, httpRequest("mutual.test"))).toBe("reset");
    const answer = await exchange({ port: secure, tls: tls("mutual.test", friend) }, httpRequest("mutual.test", "/f"));
    expect(answer).toContain("mutual.test /f");
    expect(answer).toContain("URI=spiffe://friend");
  });

  test("takes clients with and without a certificate where it is optional", async () => {
    expect(await exchange({ port: secure, tls: tls("optional.test") }, httpRequest("optional.test", "/g"))).toContain("optional.test /g");
    expect(await exchange({ port: secure, tls: tls("optional.test", stranger) }, httpRequest("optional.test", "/h"))).toContain(
      "spiffe://stranger",
    );
  });

  test("serves the others where a secret is missing", async () => {
    expect(await exchange({ port: secure, tls: tls("missing.test") }, httpRequest("missing.test"))).toBe("reset");
  });

  test("ends TLS for bytes, and passes them on", async () => {
    expect(
      await exchange({ port: secure, tls: tls("terminated.test", { checkServerIdentity: () => undefined }) }, httpRequest("x.test", "/i")),
    ).toContain("x.test /i");
    expect(await exchange({ port: bytes }, httpRequest("y.test", "/j"))).toContain("y.test /j");
  });

  test("passes TLS on by its SNI, and cuts off what nobody serves", async () => {
    // The upstream speaks no TLS: that the bytes came there is what its answer to a handshake shows.
    await exchange({ port: secure, tls: tls("through.test") }, "");
    const { values } = await proxy.envoy.admin.stats("^cluster.outbound.443..secure");
    expect(Object.entries(values).filter(([name]) => name.endsWith("upstream_cx_total"))).toMatchObject([[expect.anything(), 1]]);
    expect(await exchange({ port: secure, tls: tls("nobody.test") }, "")).toBe("reset");
  });
});
