import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { httpRequest } from "../testing/running-proxy.ts";
import { TunedProxy } from "./testing/tuned-proxy.ts";

// MeshConfig's `defaultConfig.proxyHeaders`: headers that proxies add by themselves, each field in one Envoy.

let web: Upstream;
/** Answers with what it was sent, as it was written. */
let mirror: Server;
let sidecar: TunedProxy;
let folder: string;

beforeAll(async () => {
  web = await startUpstream({ script: () => ({ headers: [["server", "the-service"]] }) });
  mirror = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (bytes) => {
      socket.end(`HTTP/1.1 200 OK\r\nX-Mixed-Case: 1\r\nConnection: close\r\nContent-Length: ${bytes.length}\r\n\r\n${bytes.toString()}`);
    });
  }).listen(0, "127.0.0.1");
  await once(mirror, "listening");
  folder = await mkdtemp(join(tmpdir(), "proxy-headers-"));
  const { certificate, key, authority } = identityOf("app.test");
  await Promise.all([
    writeFile(join(folder, "tls.crt"), certificate),
    writeFile(join(folder, "tls.key"), key),
    writeFile(join(folder, "ca.crt"), authority),
  ]);
  const service = (name: string, port: number) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;
  sidecar = await TunedProxy.start(`
${service("web", web.port)}
${service("mirror", (mirror.address() as { port: number }).port)}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: rewritten }
spec:
  hosts: [rewritten.test]
  http: [{ rewrite: { authority: web.test }, route: [{ destination: { host: web.test } }] }]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: app }
spec:
  ingress:
    - port: { number: 9443, protocol: HTTPS, name: https }
      defaultEndpoint: "127.0.0.1:${web.port}"
      tls: { mode: MUTUAL, serverCertificate: ${folder}/tls.crt, privateKey: ${folder}/tls.key, caCertificates: ${folder}/ca.crt }
  egress: [{ hosts: ["*/*"] }]
`);
});
afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  mirror?.close();
  await rm(folder, { recursive: true, force: true });
});

const headers = (proxyHeaders: object) => sidecar.tune({ defaultConfig: { proxyHeaders } });
const call = (host = "web.test", more: readonly string[] = []) =>
  sidecar.proxy.redirected("outbound", "10.1.0.1:80", httpRequest(host, "/", more));
const seen = (name: string) => web.requests.at(-1)?.headers.find(([each]) => each === name)?.[1];

describe("headers that a sidecar adds:", () => {
  test.each<[field: string, settings: object, byDefault: RegExp | undefined, changed: RegExp | undefined]>([
    ["x-request-id", { requestId: { disabled: true } }, /^[0-9a-f-]{36}$/, undefined],
    ["x-envoy-attempt-count", { attemptCount: { disabled: true } }, /^1$/, undefined],
    ["x-forwarded-port", { xForwardedPort: { enabled: true } }, undefined, /^80$/],
  ])("%s, with %j", async (name, settings, byDefault, changed) => {
    for (const [given, expected] of [
      [{}, byDefault],
      [settings, changed],
    ] as const) {
      await headers(given);
      expect(await call()).toContain("200 OK");
      if (expected === undefined) expect(seen(name)).toBeUndefined();
      else expect(seen(name)).toMatch(expected);
    }
  });

  test("x-forwarded-host, where a route rewrites the host", async () => {
    await headers({});
    await call("rewritten.test");
    expect(seen("x-forwarded-host")).toBeUndefined();
    await headers({ xForwardedHost: { enabled: true } });
    await call("rewritten.test");
    expect(seen("x-forwarded-host")).toBe("rewritten.test");
  });

  test("server, on answers that it gives and those that come through it", async () => {
    await headers({});
    expect(await call()).toContain("server: istio-envoy\r\n");
    await headers({ server: { value: "mine" } });
    expect(await call()).toContain("server: mine\r\n");
    await headers({ server: { disabled: true } });
    expect(await call()).toContain("server: the-service\r\n");
  });

  test("x-envoy-upstream-service-time, and the like", async () => {
    await headers({});
    expect(await call()).toContain("x-envoy-upstream-service-time: ");
    await headers({ envoyDebugHeaders: { disabled: true } });
    expect(await call()).not.toContain("x-envoy-upstream-service-time: ");
  });

  test("names of HTTP/1.1 as they were written, both ways", async () => {
    await headers({});
    const lower = await call("mirror.test", ["X-My-Header: 1"]);
    expect(lower).toContain("x-mixed-case: 1");
    expect(lower).toContain("x-my-header: 1");
    await headers({ preserveHttp1HeaderCase: true });
    const kept = await call("mirror.test", ["X-My-Header: 1"]);
    expect(kept).toContain("X-Mixed-Case: 1");
    expect(kept).toContain("X-My-Header: 1");
  });
});

describe("x-forwarded-client-cert on the inbound side:", () => {
  const { certificate: cert, key, authority: ca } = identityOf("spiffe://friend");
  const forged = "By=spiffe://forged";
  const uri = "URI=spiffe://friend";

  async function told(proxyHeaders: object): Promise<string | undefined> {
    await headers(proxyHeaders);
    const request = httpRequest("app.test", "/", [`x-forwarded-client-cert: ${forged}`]);
    const answer = await sidecar.proxy.redirected("inbound", "10.0.0.1:9443", request, { servername: "app.test", ca, cert, key });
    expect(answer).toContain("200 OK");
    return seen("x-forwarded-client-cert");
  }

  test.each<[forwardedClientCert: string | undefined, expected: RegExp | undefined]>([
    [undefined, /^By=spiffe:\/\/forged,Hash=[0-9a-f]{64};Subject=".*";URI=spiffe:\/\/friend$/],
    ["APPEND_FORWARD", /^By=spiffe:\/\/forged,Hash=.*URI=spiffe:\/\/friend$/],
    ["SANITIZE_SET", /^Hash=.*URI=spiffe:\/\/friend$/],
    ["SANITIZE", undefined],
    ["FORWARD_ONLY", /^By=spiffe:\/\/forged$/],
    ["ALWAYS_FORWARD_ONLY", /^By=spiffe:\/\/forged$/],
  ])("%s", async (forwardedClientCert, expected) => {
    const value = await told(forwardedClientCert === undefined ? {} : { forwardedClientCert });
    if (expected === undefined) expect(value).toBeUndefined();
    else expect(value).toMatch(expected);
  });

  test.each([
    ["cert", true, 'Cert="-----BEGIN', ""],
    ["chain", true, 'Chain="-----BEGIN', ""],
    ["subject", false, "", "Subject="],
    ["uri", false, "", uri],
  ])("what it says of the certificate: %s %s", async (part, value, present, absent) => {
    const text = (await told({ forwardedClientCert: "SANITIZE_SET", setCurrentClientCertDetails: { [part]: value } })) ?? "";
    expect(text).toContain(present);
    if (absent !== "") expect(text).not.toContain(absent);
    expect(text).toContain("Hash=");
  });

  test("what it says of the certificate: names of DNS", async () => {
    const { certificate, key: own, authority } = identityOf("friend.test");
    const ask = async (dns: boolean) => {
      await headers({ forwardedClientCert: "SANITIZE_SET", setCurrentClientCertDetails: { dns } });
      const tls = { servername: "app.test", ca: authority, cert: certificate, key: own };
      await sidecar.proxy.redirected("inbound", "10.0.0.1:9443", httpRequest("app.test"), tls);
      return seen("x-forwarded-client-cert");
    };
    expect(await ask(true)).toContain("DNS=friend.test");
    expect(await ask(false)).not.toContain("DNS=");
  });
});
