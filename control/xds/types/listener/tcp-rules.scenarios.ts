import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { XDS_TYPES } from "../index.ts";
import { exchange, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

const identity = identityOf("secure.test");
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** A service of bytes at a virtual address, whose rule is `trafficPolicy`. */
const SERVICE = (name: string, address: string, target: number, trafficPolicy: string, more = "") => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  addresses: [${address}]
  ports: [{ number: 1000, name: tcp, protocol: TCP, targetPort: ${target} }, { number: 2000, name: tcp-2, protocol: TCP, targetPort: ${target} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, labels: { version: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec: { host: ${name}.test, trafficPolicy: { ${trafficPolicy} } ${more} }`;

/** A service of bytes whose connections go to others. */
const ALIASED = (name: string, address: string, hosts: readonly string[]) => `
${SERVICE(name, address, 1, "loadBalancer: { simple: ROUND_ROBIN }")}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec: { hosts: [${name}.test], tcp: [{ route: [${hosts.map((host) => `{ destination: { host: ${host} }, weight: 50 }`).join()}] }] }`;

const IDLE = "connectionPool: { tcp: { idleTimeout: 200ms } }";
const LIFE = "connectionPool: { tcp: { maxConnectionDuration: 200ms } }";

describe("rules for connections of bytes", () => {
  let silent: Server;
  let echo: Server;
  let secure: Server;
  let tunnels: Server;
  let tunnels2: Server;
  let proxy: RunningProxy;
  /** What the HTTP tunnel was asked for. */
  const asked: string[] = [];
  const sockets = new Set<Socket>();

  const listening = async <S extends Server>(server: S): Promise<S> => {
    server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => socket.destroy())));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return server;
  };

  const mesh = () => `
apiVersion: v1
kind: Secret
metadata: { name: authority }
data: { ca.crt: ${Buffer.from(identity.authority).toString("base64")} }
${SERVICE("plain", "10.1.0.1", portOf(silent), "loadBalancer: { simple: ROUND_ROBIN }")}
${SERVICE("idle", "10.1.0.2", portOf(silent), IDLE)}
${SERVICE("idle-port", "10.1.0.3", portOf(silent), `portLevelSettings: [{ port: { number: 2000 }, ${IDLE} }]`)}
${SERVICE("idle-subset", "10.1.0.4", portOf(silent), "loadBalancer: { simple: ROUND_ROBIN }", `, subsets: [{ name: v1, labels: { version: v1 }, trafficPolicy: { ${IDLE} } }]`)}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: idle-subset }
spec: { hosts: [idle-subset.test], tcp: [{ route: [{ destination: { host: idle-subset.test, subset: v1, port: { number: 1000 } } }] }] }
${SERVICE("life", "10.1.0.5", portOf(silent), LIFE)}
${SERVICE("life-port", "10.1.0.6", portOf(silent), `portLevelSettings: [{ port: { number: 2000 }, ${LIFE} }]`)}
${SERVICE("never-idle", "10.1.0.7", portOf(silent), "connectionPool: { tcp: { idleTimeout: 0s } }")}
${SERVICE("few", "10.1.0.8", portOf(silent), "connectionPool: { tcp: { maxConnections: 1 } }")}
${SERVICE("secured", "10.1.0.9", portOf(secure), "tls: { mode: SIMPLE, credentialName: authority, sni: secure.test }")}
${SERVICE("secured-else", "10.1.0.10", portOf(secure), "tls: { mode: SIMPLE, credentialName: authority, sni: else.test, subjectAltNames: [else.test] }")}
${SERVICE("tunnelled", "10.1.0.11", portOf(tunnels), `tunnel: { targetHost: bytes.example.com, targetPort: 443 }`)}
${SERVICE("posted", "10.1.0.12", portOf(tunnels), `tunnel: { protocol: POST, targetHost: 192.0.2.7, targetPort: 444 }`)}
${SERVICE("tunnelled-6", "10.1.0.14", portOf(tunnels), 'tunnel: { targetHost: "2001:db8::7", targetPort: 445 }')}
${SERVICE("posted-2", "10.1.0.15", portOf(tunnels2), `connectionPool: { http: { h2UpgradePolicy: UPGRADE } }, tunnel: { protocol: POST, targetHost: bytes.example.com, targetPort: 446 }`)}
---
apiVersion: v1
kind: Service
metadata: { name: real }
spec: { clusterIP: 10.1.0.20, ports: [{ name: tcp, port: 1000, targetPort: ${portOf(secure)} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: real-1, labels: { kubernetes.io/service-name: real } }
endpoints: [{ addresses: [127.0.0.1] }]
ports: [{ name: tcp, port: ${portOf(secure)} }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: real }
spec: { host: real, trafficPolicy: { tls: { mode: SIMPLE, credentialName: authority, sni: secure.test } } }
${["alias", "alias-of-alias"]
  .map(
    (name, index) => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { type: ExternalName, externalName: ${index === 0 ? "real" : "alias"}.default.svc.cluster.local, ports: [{ name: tcp, port: 1000 }] }`,
  )
  .join("")}
${["alias", "alias-of-alias"].map((name, index) => ALIASED(`to-${name}`, `10.1.0.${16 + index}`, [name])).join("")}
${ALIASED("to-both", "10.1.0.18", ["alias", "alias-of-alias"])}
${SERVICE("told", "10.1.0.13", portOf(echo), "proxyProtocol: { version: V1 }")}
`;

  beforeAll(async () => {
    silent = await listening(createServer((socket) => void socket.resume()));
    echo = await listening(
      createServer((socket) => {
        let received = "";
        socket.on("data", (bytes) => {
          received += bytes.toString("latin1");
          if (received.endsWith("hello")) socket.end(received);
        });
      }),
    );
    secure = await listening(
      createTls({ cert: identity.certificate, key: identity.key }, (socket) => void socket.end(`secure ${String(socket.servername)}`)),
    );
    const tunnel = (kind: string, target: string, socket: NodeJS.WritableStream) => {
      asked.push(`${kind} ${target}`);
      return socket;
    };
    const http = createHttp((request, response) => {
      tunnel(request.method ?? "", request.headers.host ?? "", response);
      response.writeHead(200).flushHeaders();
      // It ends by its connection: Envoy 1.40 does not outlive a response that ends before its request (over HTTP/1.1).
      request.once("data", (bytes: Buffer) => {
        response.write(`through the tunnel: ${bytes.toString()}`, () => void response.socket?.end());
      });
    });
    http.on("connect", (request, socket: Socket) => {
      tunnel("CONNECT", request.url ?? "", socket);
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.once("data", (bytes) => void socket.end(`through the tunnel: ${bytes.toString()}`));
    });
    tunnels = await listening(http);
    const http2 = createHttp2().on("stream", (stream: ServerHttp2Stream, headers) => {
      tunnel(`${headers[":method"] ?? ""} by HTTP/2`, headers[":authority"] ?? "", stream);
      stream.on("error", () => stream.destroy());
      stream.respond({ ":status": 200 });
      stream.once("data", (bytes: Buffer) => void stream.end(`through the tunnel: ${bytes.toString()}`));
    });
    tunnels2 = await listening(http2 as Server);
    proxy = await RunningProxy.start({ view: viewOfYaml(mesh()), types: XDS_TYPES });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    for (const server of [silent, echo, secure, tunnels, tunnels2]) server?.close();
    for (const socket of sockets) socket.destroy();
  });

  /** What comes back; `timeout` where the connection is there and nothing comes within a second. */
  const send = (destination: string, isSilent: boolean) =>
    exchange(proxy.connection("outbound", destination), "hello", isSilent ? 1_000 : undefined);

  test("Envoy takes all of it", () => {
    expect(proxy.refusals()).toEqual([]);
  });

  test.each([
    ["without a rule a silent connection stays", "10.1.0.1:1000", "timeout"],
    ["tcp.idleTimeout ends one in which nothing happens", "10.1.0.2:1000", "reset"],
    ["tcp.idleTimeout of a port: there", "10.1.0.3:2000", "reset"],
    ["tcp.idleTimeout of a port: not at others", "10.1.0.3:1000", "timeout"],
    ["tcp.idleTimeout of a subset", "10.1.0.4:1000", "reset"],
    ["maxConnectionDuration ends any", "10.1.0.5:1000", "reset"],
    ["maxConnectionDuration of a port: there", "10.1.0.6:2000", "reset"],
    ["maxConnectionDuration of a port: not at others", "10.1.0.6:1000", "timeout"],
    ["tcp.idleTimeout 0s is none", "10.1.0.7:1000", "timeout"],
    ["tls SIMPLE is spoken to the endpoint", "10.1.0.9:1000", "secure secure.test"],
    ["tls SIMPLE: only to who has the name", "10.1.0.10:1000", "reset"],
    ["tunnel: by CONNECT", "10.1.0.11:1000", "through the tunnel: hello"],
    ["tunnel: to an address of IPv6", "10.1.0.14:1000", "through the tunnel: hello"],
    ["tunnel: by POST", "10.1.0.12:1000", "through the tunnel: hello"],
    ["tunnel: by POST over HTTP/2", "10.1.0.15:1000", "through the tunnel: hello"],
    ["a destination that is another name of a service, by the rules of that", "10.1.0.16:1000", "secure secure.test"],
    ["a destination that is another name of another name", "10.1.0.17:1000", "secure secure.test"],
    ["several of them", "10.1.0.18:1000", "secure secure.test"],
  ])("%s", async (_, destination, expected) => {
    expect(await send(destination, expected === "timeout")).toBe(expected);
  });

  test("tunnels lead where the rule says", () => {
    expect(asked.toSorted()).toEqual([
      "CONNECT [2001:db8::7]:445",
      "CONNECT bytes.example.com:443",
      "POST 192.0.2.7:444",
      "POST by HTTP/2 bytes.example.com:446",
    ]);
  });

  test("maxConnections: one more is closed", async () => {
    const { path = "" } = proxy.connection("outbound", "10.1.0.8:1000");
    const first = connect(path);
    first.on("error", () => undefined);
    await once(first, "connect");
    first.write("PROXY TCP4 10.9.9.9 10.1.0.8 40000 1000\r\nhello");
    await expect.poll(() => send("10.1.0.8:1000", true), { timeout: 5_000 }).toBe("reset");
    first.destroy();
  });

  test("proxyProtocol tells the service who the client is", async () => {
    expect(await send("10.1.0.13:1000", false)).toMatch(/^PROXY TCP4 10\.9\.9\.9 /);
  });
});
