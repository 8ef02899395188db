import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { XDS_TYPES } from "../index.ts";
import { exchange, freePort, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

// AuthorizationPolicies at servers of gateways that see connections alone: bytes, and TLS that goes through.

const ROUTER = {
  nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local",
  metadata: { LABELS: { app: "ingress" } },
};

const networking = (kind: string, name: string, spec: object) => ({ apiVersion: "networking.istio.io/v1", kind, metadata: { name }, spec });
const entry = (host: string, protocol: string, server: Server) =>
  networking("ServiceEntry", host, {
    hosts: [host],
    ports: [{ number: 443, name: "port", protocol }],
    resolution: "STATIC",
    endpoints: [{ address: "127.0.0.1", ports: { port: (server.address() as AddressInfo).port } }],
  });
const route = (host: string) => [{ destination: { host, port: { number: 443 } } }];

let servers: readonly Server[];
let proxy: RunningProxy;
let ports: { readonly bytes: number; readonly tls: number };

/** The mesh with a policy of the gateway's. */
function view(...policies: readonly object[]) {
  const [bytes, tls] = servers as readonly [Server, Server];
  const objects = [
    networking("Gateway", "edge", {
      selector: { app: "ingress" },
      servers: [
        { port: { number: ports.bytes, name: "tcp", protocol: "TCP" }, hosts: ["*"] },
        { port: { number: ports.tls, name: "tls", protocol: "TLS" }, hosts: ["*.tls.test"], tls: { mode: "PASSTHROUGH" } },
      ],
    }),
    networking("VirtualService", "bytes", {
      hosts: ["*"],
      gateways: ["edge"],
      tcp: [{ match: [{ port: ports.bytes }], route: route("bytes.test") }],
      tls: [{ match: [{ port: ports.tls, sniHosts: ["*.tls.test"] }], route: route("secure.test") }],
    }),
    entry("bytes.test", "TCP", bytes),
    entry("secure.test", "TLS", tls),
    ...policies.map((spec, index) => ({
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: { name: `policy-${index}` },
      spec: { selector: { matchLabels: { app: "ingress" } }, ...spec },
    })),
  ];
  return viewOfYaml(objects.map((object) => JSON.stringify(object)).join("\n---\n"), ROUTER);
}

async function speaker(isTls: boolean): Promise<Server> {
  const answer = (socket: Socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => socket.end("here"));
  };
  const { certificate: cert, key } = identityOf("speaker");
  const server = isTls ? createTlsServer({ cert, key }, answer) : createServer(answer);
  server.on("tlsClientError", () => undefined).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

beforeAll(async () => {
  servers = [await speaker(false), await speaker(true)];
  ports = { bytes: await freePort(), tls: await freePort() };
  proxy = await RunningProxy.start({ view: view(), types: XDS_TYPES, nodeId: ROUTER.nodeId });
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  for (const server of servers ?? []) server.close();
});

/** Which connections are let through: bytes, TLS for `a.tls.test`, TLS for `b.tls.test`. */
async function letThrough(): Promise<readonly boolean[]> {
  const tls = (servername: string) => exchange({ port: ports.tls, tls: { servername, rejectUnauthorized: false } }, "hello");
  return (await Promise.all([exchange({ port: ports.bytes }, "hello"), tls("a.tls.test"), tls("b.tls.test")])).map(
    (answer) => answer === "here",
  );
}

const sni = (...values: readonly string[]) => ({ when: [{ key: "connection.sni", values }] });
const from = (...ipBlocks: readonly string[]) => ({ from: [{ source: { ipBlocks } }] });
const port = (which: "bytes" | "tls") => ({ to: [{ operation: { ports: [String(ports[which])] } }] });

test.each<[string, () => readonly object[], readonly boolean[]]>([
  ["none: all come through", () => [], [true, true, true]],
  ["DENY by SNI", () => [{ action: "DENY", rules: [sni("a.tls.test")] }], [true, false, true]],
  ["ALLOW by SNI, which bytes have none of", () => [{ rules: [sni("*.tls.test")] }], [false, true, true]],
  ["DENY by port", () => [{ action: "DENY", rules: [port("tls")] }], [true, false, false]],
  ["ALLOW by port and address", () => [{ rules: [{ ...port("bytes"), ...from("127.0.0.0/8") }] }], [true, false, false]],
  ["ALLOW by another address", () => [{ rules: [from("10.0.0.0/8")] }], [false, false, false]],
  ["nothing", () => [{}], [false, false, false]],
  ["DENY beside ALLOW", () => [{ rules: [{}] }, { action: "DENY", rules: [sni("b.*")] }], [true, true, false]],
  ["AUDIT changes nothing", () => [{ action: "AUDIT", rules: [{}] }], [true, true, true]],
  [
    "ALLOW by what requests alone have: no connection",
    () => [{ rules: [{ to: [{ operation: { paths: ["/"] } }] }] }],
    [false, false, false],
  ],
  [
    "DENY by it beside a port: that port",
    () => [{ action: "DENY", rules: [{ to: [{ operation: { paths: ["/"], ports: [String(ports.tls)] } }] }] }],
    [true, false, false],
  ],
])("%s", async (_, policies, expected) => {
  await proxy.update({ view: view(...policies()) });
  expect(proxy.refusals()).toEqual([]);
  expect(await letThrough()).toEqual(expected);
});
