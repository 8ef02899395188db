import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "node:net";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { exchange, freePort, httpRequest } from "../testing/running-proxy.ts";
import { TunedProxy } from "./testing/tuned-proxy.ts";

// MeshConfig's `defaultConfig.gatewayTopology`: what stands in front of gateways, and so whom they believe.

const ROUTER = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";
const CLIENT = "198.51.100.7";
let web: Upstream;
let gateway: TunedProxy;
let plain: number;
let secure: number;

const secret = () => {
  const { certificate, key, authority } = identityOf("edge.test");
  const data = { "tls.crt": certificate, "tls.key": key, "ca.crt": authority };
  return JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "edge" }, stringData: data });
};

beforeAll(async () => {
  web = await startUpstream();
  [plain, secure] = [await freePort(), await freePort()];
  gateway = await TunedProxy.start(
    `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  servers:
    - { port: { number: ${plain}, name: http, protocol: HTTP }, hosts: ["*"] }
    - { port: { number: ${secure}, name: https, protocol: HTTPS }, hosts: ["*"], tls: { mode: OPTIONAL_MUTUAL, credentialName: edge } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.test]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web.port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec: { hosts: ["*"], gateways: [edge], http: [{ route: [{ destination: { host: web.test } }] }] }
---
${secret()}
`,
    { nodeId: ROUTER },
  );
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
});

const topology = (gatewayTopology: object) => gateway.tune({ defaultConfig: { gatewayTopology } });
const headerOf = (name: string) => web.requests.at(-1)?.headers.find(([each]) => each === name)?.[1];

/** A request behind a PROXY header. */
async function fromClient(headers: readonly string[] = []): Promise<string> {
  const socket = connect(plain, "127.0.0.1");
  socket.write(`PROXY TCP4 ${CLIENT} 192.0.2.1 40000 80\r\n${httpRequest("web.test", "/", headers)}`);
  let received = "";
  for await (const bytes of socket) {
    received += String(bytes);
    if (received.includes("\r\n\r\n")) break;
  }
  return received;
}

describe("a gateway", () => {
  test("takes who connects for the client, whatever the request says", async () => {
    await topology({});
    await exchange(
      { port: plain },
      httpRequest("web.test", "/", ["x-forwarded-for: 203.0.113.9", "x-envoy-external-address: 203.0.113.9"]),
    );
    expect(headerOf("x-envoy-external-address")).toBe("127.0.0.1");
    expect(headerOf("x-forwarded-for")).toMatch(/^203\.0\.113\.9,/);
  });

  test("refuses a PROXY header that it does not expect, and wants one that it does", async () => {
    await topology({});
    expect(await fromClient()).toContain("400 Bad Request");
    await topology({ proxyProtocol: {} });
    expect(await fromClient()).toContain("200 OK");
    expect(headerOf("x-envoy-external-address")).toBe(CLIENT);
    expect(headerOf("x-forwarded-for")).toBe(CLIENT);
    expect(await exchange({ port: plain }, httpRequest("web.test"))).toBe("reset");
  });

  test.each([
    [0, CLIENT],
    [1, "203.0.113.2"],
    [2, "203.0.113.1"],
    [3, CLIENT],
  ])("believes %i proxies before it: the client is %s", async (numTrustedProxies, client) => {
    await topology({ proxyProtocol: {}, numTrustedProxies });
    await fromClient(["x-forwarded-for: 203.0.113.1, 203.0.113.2"]);
    expect(headerOf("x-envoy-external-address")).toBe(client);
  });

  test("has what its node says of its topology, field by field in the place of the mesh's", async () => {
    const metadata = { PROXY_CONFIG: { gatewayTopology: { numTrustedProxies: 1 } } };
    await gateway.tune({ defaultConfig: { gatewayTopology: { numTrustedProxies: 2, proxyProtocol: {} } } }, "", metadata);
    await fromClient(["x-forwarded-for: 203.0.113.1, 203.0.113.2"]);
    expect(headerOf("x-envoy-external-address")).toBe("203.0.113.2");
  });

  const { certificate: cert, key, authority: ca } = identityOf("spiffe://friend");
  const forged = "x-forwarded-client-cert: By=spiffe://forged";
  const forgedValue = "By=spiffe://forged";
  const own = expect.stringMatching(/^Hash=[0-9a-f]{64};Cert="[^"]+";Subject="[^"]*";URI=spiffe:\/\/friend$/) as string;
  const both = expect.stringMatching(/^By=spiffe:\/\/forged,Hash=.*;URI=spiffe:\/\/friend$/) as string;

  test.each<[details: string | undefined, plainly: string | undefined, withCertificate: string | undefined]>([
    [undefined, undefined, own],
    ["UNDEFINED", undefined, own],
    ["SANITIZE_SET", undefined, own],
    ["SANITIZE", undefined, undefined],
    ["FORWARD_ONLY", undefined, forgedValue],
    ["APPEND_FORWARD", undefined, both],
    ["ALWAYS_FORWARD_ONLY", forgedValue, forgedValue],
  ])("tells of the client's certificate: %s", async (forwardClientCertDetails, plainly, withCertificate) => {
    await topology(forwardClientCertDetails === undefined ? {} : { forwardClientCertDetails });
    await exchange({ port: plain }, httpRequest("web.test", "/", [forged]));
    expect(headerOf("x-forwarded-client-cert")).toEqual(plainly);
    const tls = { servername: "edge.test", ca, cert, key };
    await exchange({ port: secure, tls }, httpRequest("web.test", "/", [forged]));
    expect(headerOf("x-forwarded-client-cert")).toEqual(withCertificate);
  });
});
