import { once } from "node:events";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import type { Server } from "node:http";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { getAt } from "../client.ts";
import { type RunningEnvoy, RunningMesh } from "../running-mesh.ts";

// Istio's tasks "Accessing External Services" and "Egress TLS Origination".

const identity = identityOf("books.example.com");
let plain: Upstream;
let secure: Server;
let mesh: RunningMesh;
let client: RunningEnvoy;

const policy = (mode: string) => `
apiVersion: v1
kind: MeshConfig
metadata: { name: istio, namespace: istio-system }
outboundTrafficPolicy: { mode: ${mode} }
`;

const portOf = (server: Server) => (server.address() as AddressInfo).port;

const entry = (name: string, ports: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.example.com]
  ports: ${ports}
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;

const originated = (tls: object) => `
${entry("books", `[{ number: 80, name: http, protocol: HTTP, targetPort: ${portOf(secure)} }]`)}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: books }
spec:
  host: books.example.com
  trafficPolicy:
    portLevelSettings: [{ port: { number: 80 }, tls: ${JSON.stringify(tls)} }]
---
apiVersion: v1
kind: Secret
metadata: { name: books-authority }
type: Opaque
data: { ca.crt: ${Buffer.from(identity.authority).toString("base64")} }
`;

beforeAll(async () => {
  plain = await startUpstream({ script: ({ authority, path }) => ({ body: `${authority}${path}` }) });
  secure = createHttps({ cert: identity.certificate, key: identity.key }, (request, response) => {
    response.end(`${(request.socket as TLSSocket & { servername?: string }).servername ?? ""} ${request.headers.host ?? ""}`);
  }).listen(0, "127.0.0.1");
  await once(secure, "listening");
  mesh = await RunningMesh.start({ "mesh.yaml": policy("REGISTRY_ONLY") });
  client = await mesh.proxy("sidecar~10.0.0.1~client.default~default.svc.cluster.local");
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await plain?.[Symbol.asyncDispose]();
  secure?.closeAllConnections();
  secure?.close();
});

const apply = (rules: string, mode = "REGISTRY_ONLY") => mesh.apply({ "mesh.yaml": policy(mode), "rules.yaml": rules });
const tls = (servername: string) => ({ servername, ca: identity.authority });

test("nothing that is not registered is reached", async () => {
  // Bytes on a port of no service; nobody can answer what may be no HTTP.
  await apply("");
  const bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  expect(await client.redirected("outbound", `127.0.0.1:${plain.port}`, bytes)).toBe("reset");
  await expect(client.get("http://news.example.com/")).rejects.toThrow();
  // With a service of HTTP on the port there is an answer.
  await apply(entry("weather", `[{ number: 80, name: http, protocol: HTTP, targetPort: ${plain.port} }]`));
  expect(await client.get("http://news.example.com/")).toMatchObject({ status: 502, body: "" });
  expect(plain.requests).toEqual([]);
});

test("everything is, where the mesh allows it", async () => {
  await apply("", "ALLOW_ANY");
  expect(await getAt(client.outbound(`127.0.0.1:${plain.port}`), "news.example.com", "/a")).toMatchObject({
    status: 200,
    body: "news.example.com/a",
  });
});

test("HTTP to a host that is registered", async () => {
  await apply(entry("news", `[{ number: 80, name: http, protocol: HTTP, targetPort: ${plain.port} }]`));
  expect(await client.get("http://news.example.com/today")).toMatchObject({ status: 200, body: "news.example.com/today" });
  expect(await client.get("http://other.example.com/today")).toMatchObject({ status: 502 });
});

test("a rule for a host outside: a timeout and a fault", async () => {
  await apply(`
${entry("news", `[{ number: 80, name: http, protocol: HTTP, targetPort: ${plain.port} }]`)}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: news }
spec:
  hosts: [news.example.com]
  http:
    - match: [{ uri: { exact: /closed } }]
      fault: { abort: { percentage: { value: 100 }, httpStatus: 451 } }
      route: [{ destination: { host: news.example.com } }]
    - timeout: 3s
      route: [{ destination: { host: news.example.com } }]
`);
  expect(await client.get("http://news.example.com/closed")).toMatchObject({ status: 451 });
  expect(await client.get("http://news.example.com/open")).toMatchObject({ status: 200 });
});

test("HTTPS to a host that is registered, by its SNI", async () => {
  await apply(entry("books", `[{ number: 443, name: tls, protocol: TLS, targetPort: ${portOf(secure)} }]`));
  const place = client.outbound("240.240.0.7:443");
  expect(await getAt({ ...place, tls: tls("books.example.com") }, "books.example.com", "/")).toMatchObject({
    status: 200,
    body: "books.example.com books.example.com",
  });
  await expect(getAt({ ...place, tls: { ...tls("other.example.com"), rejectUnauthorized: false } }, "x", "/")).rejects.toThrow();
});

test("the sidecar speaks TLS for an application that speaks none", async () => {
  await apply(
    originated({ mode: "SIMPLE", sni: "books.example.com", credentialName: "books-authority", subjectAltNames: ["books.example.com"] }),
  );
  expect(await client.get("http://books.example.com/")).toMatchObject({ status: 200, body: "books.example.com books.example.com" });
});

test("and to nobody who has not the name", async () => {
  await apply(
    originated({ mode: "SIMPLE", sni: "books.example.com", credentialName: "books-authority", subjectAltNames: ["else.example.com"] }),
  );
  expect(await client.get("http://books.example.com/")).toMatchObject({ status: 503 });
});
