import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo, type Server } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import type { ProxyView } from "../../../model/index.ts";
import { XDS_TYPES } from "../index.ts";
import { type Issued, TestAuthority } from "../testing/authority.ts";
import { type Connection, exchange, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

// Where the servers of a Gateway listen, what they speak, which hosts are theirs, and what becomes of servers that are in each other's way.

const ROUTER = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";
const LABELS = { app: "ingress" };

let folder: string;
let web: Upstream;
let echo: Server;
/** End TLS themselves, each with a certificate of its own. */
let secure: readonly Server[];
let proxy: RunningProxy;
let certificates: readonly Issued[];
const ports = new Map<string, number>();

const portOf = (name: string): number => ports.get(name) ?? 0;

interface GatewayOptions {
  readonly namespace?: string;
  readonly created?: string;
  readonly selector?: string;
}

function gateway(
  name: string,
  servers: readonly string[],
  { namespace = "default", created, selector = "ingress" }: GatewayOptions = {},
): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: ${namespace}${created === undefined ? "" : `, creationTimestamp: "${created}"`} }
spec:
  selector: { app: ${selector} }
  servers:
${servers.map((each) => `    - ${each}`).join("\n")}
`;
}

/** One server; `port` names a port of the test. */
function server(port: string, protocol: string, hosts: string, more = ""): string {
  return `{ port: { number: ${portOf(port)}, name: ${port}, protocol: ${protocol} }, hosts: [${hosts}]${more} }`;
}

/** Requests for the hosts are answered with a text. */
function says(name: string, hosts: string, gateways: string, body: string, namespace = "default"): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: [${hosts}]
  gateways: [${gateways}]
  http: [{ directResponse: { status: 200, body: { string: "${body}" } } }]
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
  ports: [{ number: ${port}, name: port, protocol: ${protocol}, targetPort: ${endpoint} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;
}

function secret(name: string, { certificate, key }: Issued): string {
  const data = { "tls.crt": Buffer.from(certificate).toString("base64"), "tls.key": Buffer.from(key).toString("base64") };
  return `\n---\n${JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name }, data })}\n`;
}

const BYTES = ["mongo", "redis", "mysql"];

function mesh(): string {
  const [older, younger] = certificates;
  if (older === undefined || younger === undefined) throw new Error("no certificates");
  return [
    `
apiVersion: v1
kind: Service
metadata: { name: ingress }
spec: { clusterIP: 10.96.0.1, selector: { app: ingress }, ports: [{ name: http, port: 80, targetPort: ${portOf("target")} }] }
`,
    service("web", 80, "HTTP", web.port),
    service("grpc", 80, "GRPC", web.port),
    service("echo", 7, "TCP", (echo.address() as AddressInfo).port),
    ...secure.map((each, index) => service(`secure-${index}`, 443, "TLS", (each.address() as AddressInfo).port)),
    gateway("through", [
      server("through", "TLS", '"*.through.test", "other.test"', ", tls: { mode: PASSTHROUGH }"),
      server("through-https", "HTTPS", '"*"', ", tls: { mode: PASSTHROUGH }"),
      server("by-default", "TLS", '"*.through.test"', ", tls: {}"),
      server("ends", "TLS", '"*.through.test"', ", tls: { mode: SIMPLE, credentialName: younger }"),
    ]),
    `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: through }
spec:
  hosts: ["*.through.test", "other.test"]
  gateways: [through]
  tls:
    - match: [{ sniHosts: [a.through.test] }, { sniHosts: [other.test], port: ${portOf("through-https")} }]
      route: [{ destination: { host: secure-0.test } }]
    - match: [{ sniHosts: ["*.through.test"] }]
      route: [{ destination: { host: secure-1.test } }]
  tcp: [{ match: [{ port: ${portOf("ends")} }], route: [{ destination: { host: echo.test } }] }]
`,
    gateway("edge", [
      '{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["exact.web.test", "*.web.test", "web.test"] }',
      server("http2", "HTTP2", "h2.test"),
      server("grpc", "GRPC", "grpc.test"),
      server("grpc-web", "GRPC-WEB", "grpc.test"),
      ...BYTES.map((protocol) => server(protocol, protocol.toUpperCase(), '"*"')),
      server("namespaces", "HTTP", '"./own.test", "shop/shop.test", "*/any.test"'),
    ]),
    gateway("open", [
      server("address", "HTTP", '"*"', ", bind: 127.0.0.2"),
      `{ port: { number: 0, name: socket, protocol: HTTP }, bind: "unix://${folder}/gateway.sock", hosts: ["*"] }`,
    ]),
    gateway("strangers", [server("stranger", "HTTP", '"*"')], { selector: "another" }),
    says("default", '"own.test", "shop.test", "any.test"', "edge, strangers", "default"),
    says("shop", '"own.test", "shop.test", "any.test"', "default/edge", "shop", "shop"),
    says("exact", '"exact.web.test"', "edge", "exact"),
    says("suffix", '"*.web.test"', "edge", "suffix"),
    says("short", '"web.test"', "edge", "short"),
    says("everything", '"*"', "open", "everything"),
    ...["h2", "grpc"].map(
      (host) => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${host} }
spec:
  hosts: [${host}.test]
  gateways: [edge]
  http: [{ route: [{ destination: { host: ${host === "h2" ? "web" : "grpc"}.test } }] }]
`,
    ),
    `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: bytes }
spec:
  hosts: ["bytes.test"]
  gateways: [edge, tcp-older]
  tcp: [{ match: [${[...BYTES, "tcp-twice"].map((port) => `{ port: ${portOf(port)} }`).join()}], route: [{ destination: { host: echo.test } }] }]
`,
    // Servers in each other's way: what is older, else what comes first by name, has the port, the host or the certificate.
    gateway("http-older", [server("http-or-tcp", "HTTP", '"*"')], { created: "2026-01-01T00:00:00Z" }),
    gateway("a-tcp-younger", [server("http-or-tcp", "TCP", '"*"')], { created: "2026-01-02T00:00:00Z" }),
    says("http-older", '"*"', "http-older, a-tcp-younger", "http"),
    gateway("tcp-older", [server("tcp-twice", "TCP", '"*"')], { created: "2026-01-01T00:00:00Z" }),
    gateway("a-tcp-again", [server("tcp-twice", "TCP", '"*"')], { created: "2026-01-02T00:00:00Z" }),
    gateway(
      "tls-older",
      [server("tls", "HTTPS", '"a.tls.test", "*.wild.test"', ", name: shop, tls: { mode: SIMPLE, credentialName: older }")],
      {
        created: "2026-01-01T00:00:00Z",
      },
    ),
    gateway("a-tls-younger", [server("tls", "HTTPS", '"a.tls.test"', ", tls: { mode: SIMPLE, credentialName: younger }")], {
      created: "2026-01-02T00:00:00Z",
    }),
    gateway("a-tls-narrower", [server("tls", "HTTPS", '"x.wild.test"', ", tls: { mode: SIMPLE, credentialName: younger }")], {
      created: "2026-01-03T00:00:00Z",
    }),
    says("tls-older", '"a.tls.test", "*.wild.test"', "tls-older", "older"),
    says("tls-younger", '"a.tls.test", "x.wild.test"', "a-tls-younger, a-tls-narrower", "younger"),
    secret("older", older),
    secret("younger", younger),
  ].join("");
}

const viewWith = (metadata: Readonly<Record<string, unknown>> = {}): ProxyView =>
  viewOfYaml(mesh(), { nodeId: ROUTER, metadata: { LABELS, ...metadata } });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gateway-"));
  web = await startUpstream({ script: ({ protocol, headers }) => ({ body: `${protocol} ${JSON.stringify(headers)}` }) });
  echo = createServer((socket) => socket.on("error", () => socket.destroy()).pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  const authority = await TestAuthority.create();
  certificates = [await authority.issue("older.test"), await authority.issue("younger.test")];
  secure = await Promise.all(
    certificates.map(async ({ certificate: cert, key }) => {
      const made = createTlsServer({ cert, key }, (socket) =>
        socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecure"),
      );
      await once(made.listen(0, "127.0.0.1"), "listening");
      return made;
    }),
  );
  for (const name of [
    "through",
    "through-https",
    "by-default",
    "ends",
    "target",
    "address",
    "http2",
    "grpc",
    "grpc-web",
    ...BYTES,
    "namespaces",
    "stranger",
    "http-or-tcp",
    "tcp-twice",
    "tls",
  ])
    ports.set(name, await freePort());
  proxy = await RunningProxy.start({ view: viewWith(), types: XDS_TYPES, nodeId: ROUTER });
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  echo?.close();
  for (const each of secure ?? []) each.close();
  await rm(folder, { recursive: true, force: true });
});

/** The body of the answer, its status where that is not 200, or `reset`. */
async function get(connection: Connection, host: string): Promise<string> {
  const answer = await exchange(connection, httpRequest(host));
  if (!answer.startsWith("HTTP/1.1 ")) return answer;
  const status = answer.slice(9, 12);
  return status === "200" ? answer.slice(answer.indexOf("\r\n\r\n") + 4) : status;
}

/** What came of a request by HTTP/2 without TLS. */
async function get2(port: number, headers: Readonly<Record<string, string>>): Promise<{ readonly status: number; readonly body: string }> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request(headers);
    stream.end();
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    let body = "";
    for await (const chunk of stream.setEncoding("utf8")) body += chunk as string;
    return { status: Number(head[constants.HTTP2_HEADER_STATUS]), body };
  } finally {
    session.destroy();
  }
}

test("a gateway has a configuration that Envoy takes", () => {
  expect(proxy.refusals()).toEqual([]);
});

describe("a server listens", () => {
  test("on the port that the gateway's Service sends its own to, and not on its own", async () => {
    expect(await get({ port: portOf("target") }, "exact.web.test")).toBe("exact");
    expect(await get({ port: 80 }, "exact.web.test")).toBe("reset");
  });

  test("on the one address that it binds", async () => {
    expect(await get({ address: "127.0.0.2", port: portOf("address") }, "any.host")).toBe("everything");
    expect(await get({ address: "127.0.0.1", port: portOf("address") }, "any.host")).toBe("reset");
  });

  test("on a socket of the file system", async () => {
    expect(await get({ path: join(folder, "gateway.sock") }, "any.host")).toBe("everything");
  });

  test("nowhere where its gateway selects other proxies", async () => {
    expect(await get({ port: portOf("stranger") }, "any.host")).toBe("reset");
  });

  test("on no port below 1024 where the proxy may not", async () => {
    const edge =
      gateway("privileged", ['{ port: { number: 81, name: http, protocol: HTTP }, hosts: ["*"] }']) + says("p", '"*"', "privileged", "81");
    const of = (metadata: Readonly<Record<string, unknown>>) => viewOfYaml(edge, { nodeId: ROUTER, metadata: { LABELS, ...metadata } });
    await using other = await RunningProxy.start({ view: of({}), types: XDS_TYPES, nodeId: ROUTER });
    const listens = async () => (await other.envoy.admin.text("GET", "/listeners")).includes("0.0.0.0_81");
    expect(await listens()).toBe(true);
    await other.update({ view: of({ UNPRIVILEGED_POD: "true" }) });
    await expect.poll(listens, { timeout: 15_000 }).toBe(false);
  });
});

describe("of hosts", () => {
  test.each([
    ["exact.web.test", "exact"],
    ["EXACT.web.test:1234", "exact"],
    ["other.web.test", "suffix"],
    ["a.b.web.test", "suffix"],
    ["web.test", "short"],
    ["other.example", "404"],
  ])("%s is %s", async (host, expected) => {
    expect(await get({ port: portOf("target") }, host)).toBe(expected);
  });

  test.each([
    ["own.test", "default"],
    ["shop.test", "shop"],
    ["any.test", "default"],
  ])("%s is that of namespace %s alone where the server says so", async (host, namespace) => {
    expect(await get({ port: portOf("namespaces") }, host)).toBe(namespace);
  });
});

describe("a server speaks", () => {
  test("HTTP/2 without TLS", async () => {
    expect(await get2(portOf("http2"), { ":path": "/", ":authority": "h2.test" })).toMatchObject({ status: 200 });
    expect(await get({ port: portOf("http2") }, "h2.test")).toContain("http/1.1");
  });

  test("gRPC", async () => {
    const answer = await get2(portOf("grpc"), {
      ":path": "/s/M",
      ":method": "POST",
      ":authority": "grpc.test",
      "content-type": "application/grpc",
    });
    expect(answer.status).toBe(200);
  });

  test("gRPC-Web, which the service sees as gRPC", async () => {
    const headers = { ":path": "/s/M", ":method": "POST", ":authority": "grpc.test", "content-type": "application/grpc-web+proto" };
    await get2(portOf("grpc-web"), headers);
    expect(web.requests.at(-1)?.headers).toContainEqual(["content-type", "application/grpc"]);
    await get2(portOf("grpc"), headers);
    expect(web.requests.at(-1)?.headers).toContainEqual(["content-type", "application/grpc-web+proto"]);
  });

  test.each(BYTES)("%s as bytes", async (protocol) => {
    expect(await exchange({ port: portOf(protocol) }, "anything\r\n", 500)).toBe("anything\r\n");
  });
});

describe("a server that passes TLS on", () => {
  /** Whose certificate a client is shown for a name; `reset` where there is none. */
  async function shown(port: string, servername: string): Promise<string> {
    const socket = connectTls({ port: portOf(port), servername, rejectUnauthorized: false });
    try {
      return await new Promise<string>((resolve) => {
        socket.once("secureConnect", () => resolve(socket.getPeerCertificate().subjectaltname ?? ""));
        socket.once("error", () => resolve("reset"));
      });
    } finally {
      socket.destroy();
    }
  }

  test.each([
    ["through", "a.through.test", "DNS:older.test"],
    ["through", "b.through.test", "DNS:younger.test"],
    ["through", "a.b.through.test", "DNS:younger.test"],
    ["through", "through.test", "reset"],
    ["through", "other.test", "reset"],
    ["through-https", "other.test", "DNS:older.test"],
    ["through-https", "a.through.test", "DNS:older.test"],
    ["by-default", "a.through.test", "DNS:older.test"],
    // Of another mode TLS ends here: the certificate is the gateway's.
    ["ends", "a.through.test", "DNS:younger.test"],
  ])("on port %s leads %s to %s", async (port, name, certificate) => {
    expect(await shown(port, name)).toBe(certificate);
  });
});

describe("of servers in each other's way the oldest", () => {
  test("says what is spoken on a port", async () => {
    expect(await get({ port: portOf("http-or-tcp") }, "any.host")).toBe("http");
  });

  test("has the bytes of a port", async () => {
    expect(await exchange({ port: portOf("tcp-twice") }, "bytes\r\n", 500)).toBe("bytes\r\n");
  });

  test("has the host of a certificate", async () => {
    const tls = (servername: string) => ({ port: portOf("tls"), tls: { servername, rejectUnauthorized: false } });
    expect(await get(tls("a.tls.test"), "a.tls.test")).toBe("older");
    expect(await get(tls("y.wild.test"), "y.wild.test")).toBe("older");
    // Its statistics have the name of the server.
    const { values } = await proxy.envoy.admin.stats("^http.shop;?.downstream_cx_total$");
    expect(Object.values(values)).toEqual([2]);
    // A name goes before a wildcard, whoever is older.
    expect(await get(tls("x.wild.test"), "x.wild.test")).toBe("younger");
  });
});
