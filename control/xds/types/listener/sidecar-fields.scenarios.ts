import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { XDS_TYPES } from "../index.ts";
import { exchange, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

// Fields of a Sidecar: where the proxy takes connections to the workload and of it, and where they go.

/** Says who it is, in HTTP, and then whatever it is sent, until the other side ends. */
async function server(name: string, listen: { readonly host?: string; readonly port?: number; readonly path?: string }): Promise<Server> {
  const made = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`;
      socket.write(bytes.includes("HTTP/1.1") ? answer : `${name}: ${bytes.toString()}`);
    });
  });
  await once(made.listen(listen), "listening");
  return made;
}

const portOf = (made: Server): number => (made.address() as AddressInfo).port;

function service(name: string, namespace: string, port: number, protocol: string, endpoint: Server, address: string): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: [${name}.test]
  addresses: [${address}]
  ports: [{ number: ${port}, name: port, protocol: ${protocol}, targetPort: ${portOf(endpoint)} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;
}

const sidecar = (name: string, spec: string, namespace = "default") => `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;

/** An address of this machine that others could reach it by. */
const [own = ""] = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ family, internal }) => family === "IPv4" && !internal)
  .map(({ address }) => address);

describe("a Sidecar's ingress", () => {
  // 0.0.0.0 is the first address of the node.
  const NODE = "sidecar~127.0.0.9~app-1.default~default.svc.cluster.local";
  let folder: string;
  let apps: Readonly<Record<"loopback" | "loopback6" | "instance" | "socket", Server>>;
  let proxy: RunningProxy;
  let bound: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sidecar-"));
    bound = await freePort();
    const { certificate, key, authority } = identityOf("app.test");
    await Promise.all([
      writeFile(join(folder, "tls.crt"), certificate),
      writeFile(join(folder, "tls.key"), key),
      writeFile(join(folder, "ca.crt"), authority),
    ]);
    apps = {
      loopback: await server("loopback", { host: "127.0.0.1", port: 0 }),
      loopback6: await server("loopback6", { host: "::1", port: 0 }),
      instance: await server("instance", { host: "127.0.0.9", port: 0 }),
      socket: await server("socket", { path: join(folder, "app.sock") }),
    };
    const files = `serverCertificate: ${folder}/tls.crt, privateKey: ${folder}/tls.key`;
    const to = `defaultEndpoint: "127.0.0.1:${portOf(apps.loopback)}"`;
    const yaml = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: app }
spec:
  inboundConnectionPool: { tcp: { maxConnections: 1 } }
  ingress:
    - { port: { number: 9001, protocol: HTTP, name: loopback }, ${to} }
    - { port: { number: 9002, protocol: HTTP, name: loopback6 }, defaultEndpoint: "[::1]:${portOf(apps.loopback6)}" }
    - { port: { number: 9003, protocol: HTTP, name: instance }, defaultEndpoint: "0.0.0.0:${portOf(apps.instance)}" }
    - { port: { number: 9004, protocol: HTTP, name: socket }, defaultEndpoint: "unix://${folder}/app.sock" }
    - { port: { number: 9005, protocol: TCP, name: socket-bytes }, defaultEndpoint: "unix://${folder}/app.sock" }
    - { port: { number: ${portOf(apps.loopback)}, protocol: HTTP, name: itself } }
    - { port: { number: 9011, protocol: TCP, name: pool }, ${to} }
    - { port: { number: 9012, protocol: TCP, name: own-pool }, ${to}, connectionPool: { tcp: { maxConnections: 2 } } }
    - { port: { number: 9021, protocol: HTTPS, name: https }, ${to}, tls: { mode: SIMPLE, ${files} } }
    - { port: { number: 9022, protocol: TLS, name: tls }, ${to}, tls: { mode: SIMPLE, ${files}, minProtocolVersion: TLSV1_3 } }
    - { port: { number: 9023, protocol: HTTPS, name: optional }, ${to}, tls: { mode: OPTIONAL_MUTUAL, ${files}, caCertificates: ${folder}/ca.crt } }
    - { port: { number: ${bound}, protocol: HTTP, name: bound }, bind: 127.0.0.3, captureMode: NONE, ${to} }
    - { port: { number: 9031, protocol: HTTP, name: captured }, captureMode: IPTABLES, ${to} }
`;
    proxy = await RunningProxy.start({ view: viewOfYaml(yaml, { nodeId: NODE }), types: XDS_TYPES, nodeId: NODE });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    for (const app of Object.values(apps ?? {})) app.close();
    await rm(folder, { recursive: true, force: true });
  });

  const inbound = (port: number) => proxy.connection("inbound", `127.0.0.1:${port}`);

  test("has a configuration that Envoy takes", () => {
    expect(proxy.refusals()).toEqual([]);
  });

  test.each([
    [9001, "loopback"],
    [9002, "loopback6"],
    [9003, "instance"],
    [9004, "socket"],
    [9031, "loopback"],
  ])("takes requests on port %i to its endpoint: %s", async (port, name) => {
    const answer = await exchange(inbound(port), httpRequest("app.test"));
    expect(answer).toContain(name);
    expect(answer).toContain("server: istio-envoy");
  });

  test("takes bytes to a socket of the file system", async () => {
    expect(await exchange(inbound(9005), "ping", 500)).toBe("socket: ping");
  });

  test("takes requests to the port that they were meant for where it says nothing else", async () => {
    expect(await exchange(inbound(portOf(apps.loopback)), httpRequest("app.test"))).toContain("loopback");
  });

  test("is all that is taken apart: other ports are reached as they are", async () => {
    const other = await server("other", { host: "127.0.0.1", port: 0 });
    try {
      const answer = await exchange(inbound(portOf(other)), httpRequest("app.test"));
      expect(answer).toContain("other");
    } finally {
      other.close();
    }
  });

  test.each([
    [9011, 1, "inboundConnectionPool"],
    [9012, 2, "the port's own"],
  ])("on port %i takes %i connections, as %s says", async (port, most) => {
    const sockets: Socket[] = [];
    try {
      for (let count = 0; count < most; count++) {
        const socket = connect(inbound(port).path ?? "");
        socket.on("error", () => socket.destroy());
        sockets.push(socket);
        socket.write(`PROXY TCP4 10.9.9.9 127.0.0.1 40000 ${port}\r\nhello`);
        expect(String((await once(socket, "data"))[0])).toBe("loopback: hello");
      }
      expect(await exchange(inbound(port), "one more", 2_000)).toBe("reset");
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  test("ends TLS: of HTTP, of bytes, and with certificates of clients where there are some", async () => {
    const { certificate: cert, key, authority: ca } = identityOf("friend.test");
    const tls = { servername: "app.test", ca };
    expect(await exchange({ ...inbound(9021), tls }, httpRequest("app.test"))).toContain("server: istio-envoy");
    expect(await exchange({ ...inbound(9022), tls }, "ping", 500)).toBe("loopback: ping");
    expect(await exchange({ ...inbound(9022), tls: { ...tls, maxVersion: "TLSv1.2" } }, "ping", 500)).toBe("reset");
    expect(await exchange({ ...inbound(9023), tls }, httpRequest("app.test"))).toContain("loopback");
    expect(await exchange({ ...inbound(9023), tls: { ...tls, cert, key } }, httpRequest("app.test"))).toContain("loopback");
  });

  test("binds the address that it is given", async () => {
    expect(await exchange({ address: "127.0.0.3", port: bound }, httpRequest("app.test"))).toContain("loopback");
    expect(await exchange({ address: "127.0.0.1", port: bound }, httpRequest("app.test"))).toBe("reset");
  });

  test("binds the workload's own address where it is given none: the workload may have the port on loopback", async () => {
    const nodeId = `sidecar~${own}~app-1.default~default.svc.cluster.local`;
    const port = portOf(apps.loopback);
    const yaml = sidecar(
      "app",
      `{ ingress: [{ port: { number: ${port}, protocol: HTTP, name: http }, captureMode: NONE, defaultEndpoint: "127.0.0.1:${port}" }] }`,
    );
    await using other = await RunningProxy.start({ view: viewOfYaml(yaml, { nodeId }), types: XDS_TYPES, nodeId });
    expect(other.refusals()).toEqual([]);
    expect(await exchange({ address: own, port }, httpRequest("app.test"))).toContain("server: istio-envoy");
  });
});

describe("a Sidecar's egress", () => {
  let web: Server;
  let proxy: RunningProxy;
  const NODE = "sidecar~10.0.0.1~client-1.default~default.svc.cluster.local";
  const metadata = { LABELS: { app: "client" } };
  let bytes: number;
  const view = (sidecars: string, more: Readonly<Record<string, unknown>> = {}) =>
    viewOfYaml(
      [
        service("mine", "default", 80, "HTTP", web, "10.1.0.1"),
        service("theirs", "other", 80, "HTTP", web, "10.1.0.2"),
        service("bytes", "other", bytes, "TCP", web, "10.1.0.3"),
        sidecars,
      ].join(""),
      { nodeId: NODE, metadata: { ...metadata, ...more } },
    );
  const follow = async (sidecars: string) => {
    await proxy.update({ view: view(sidecars) });
    expect(proxy.refusals()).toEqual([]);
  };

  beforeAll(async () => {
    web = await server("web", { host: "127.0.0.1", port: 0 });
    bytes = await freePort();
    proxy = await RunningProxy.start({ view: view(""), types: XDS_TYPES, nodeId: NODE });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    web?.close();
  });

  /** The hosts that the workload may call. */
  async function callable(): Promise<readonly string[]> {
    const answers = await Promise.all(
      ["mine", "theirs"].map(
        async (name) => [name, await proxy.redirected("outbound", "10.1.0.1:80", httpRequest(`${name}.test`))] as const,
      ),
    );
    return answers.filter(([, answer]) => answer.includes("200 OK")).map(([name]) => name);
  }

  const only = "outboundTrafficPolicy: { mode: REGISTRY_ONLY }";

  test.each<[hosts: string, expected: readonly string[]]>([
    ['"*/*"', ["mine", "theirs"]],
    ['"./*"', ["mine"]],
    ['"other/*"', ["theirs"]],
    ['"*/theirs.test"', ["theirs"]],
    ['"./theirs.test"', []],
    ['"~/*"', []],
    ['"./*", "other/theirs.test"', ["mine", "theirs"]],
  ])("has the hosts %s", async (hosts, expected) => {
    await follow(sidecar("client", `{ egress: [{ hosts: [${hosts}] }], ${only} }`));
    expect(await callable()).toEqual(expected);
  });

  test("keeps away the routes that a namespace which it does not import has for a host of its own", async () => {
    const theirs = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: mine, namespace: other }
spec: { hosts: [mine.test], http: [{ directResponse: { status: 418 } }] }
`;
    const ask = () => proxy.redirected("outbound", "10.1.0.1:80", httpRequest("mine.test"));
    await follow(theirs + sidecar("client", '{ egress: [{ hosts: ["*/*"] }] }'));
    expect(await ask()).toContain("418");
    await follow(theirs + sidecar("client", '{ egress: [{ hosts: ["./*"] }] }'));
    expect(await ask()).toContain("200 OK");
  });

  test("has the ports of all ServiceEntries of a host", async () => {
    await follow(
      service("mine", "default", 8081, "HTTP", web, "10.1.0.1").replace("name: mine", "name: more") +
        sidecar("client", `{ egress: [{ hosts: ["./*"] }], ${only} }`),
    );
    for (const port of [80, 8081])
      expect(await proxy.redirected("outbound", `10.1.0.1:${port}`, httpRequest(`mine.test:${port}`))).toContain("200 OK");
  });

  const of = (hosts: string) => `egress: [{ hosts: [${hosts}] }], ${only}`;

  test.each<[what: string, sidecars: string, expected: readonly string[]]>([
    [
      "its labels select, before its namespace's",
      sidecar("a-namespace", `{ ${of('"./*"')} }`) +
        sidecar("client", `{ workloadSelector: { labels: { app: client } }, ${of('"other/*"')} }`),
      ["theirs"],
    ],
    [
      "its namespace has, where none selects it",
      sidecar("a-namespace", `{ ${of('"./*"')} }`) +
        sidecar("client", `{ workloadSelector: { labels: { app: another } }, ${of('"other/*"')} }`),
      ["mine"],
    ],
    ["the root namespace has, where its own has none", sidecar("root", `{ ${of('"other/*"')} }`, "istio-system"), ["theirs"]],
    ["no other namespace has", sidecar("root", `{ ${of('"other/*"')} }`, "other"), ["mine", "theirs"]],
  ])("is that of the Sidecar that %s", async (_what, sidecars, expected) => {
    await follow(sidecars);
    expect(await callable()).toEqual(expected);
  });

  test.each(["DEFAULT", "IPTABLES"])("takes a port of its own from what is redirected, with captureMode %s", async (captureMode) => {
    const listener = (port: number) =>
      `{ port: { number: ${port}, protocol: TCP, name: bytes }, captureMode: ${captureMode}, hosts: ["other/bytes.test"] }`;
    const ask = (port: number) => exchange(proxy.connection("outbound", `10.1.0.3:${port}`), "ping", 500);
    await follow(sidecar("client", `{ egress: [${listener(bytes)}, { hosts: ["./*"] }], ${only} }`));
    expect(await ask(bytes)).toBe("web: ping");
    // A port that no service has is nobody's, and the service's own is not listed.
    await follow(sidecar("client", `{ egress: [${listener(7000)}, { hosts: ["./*"] }], ${only} }`));
    expect([await ask(7000), await ask(bytes)]).toEqual(["reset", "reset"]);
  });

  test("binds the address that it is given, and 127.0.0.1 where it is given none", async () => {
    const [first, second] = [await freePort(), await freePort()];
    const listener = (port: number, bind: string) =>
      `{ port: { number: ${port}, protocol: TCP, name: bytes }, ${bind} captureMode: NONE, hosts: ["other/*"] }`;
    await follow(
      service("first", "other", first, "TCP", web, "10.1.0.4") +
        service("second", "other", second, "TCP", web, "10.1.0.5") +
        sidecar("client", `{ egress: [${listener(first, "bind: 127.0.0.4,")}, ${listener(second, "")}, { hosts: ["./*"] }] }`),
    );
    expect(await exchange({ address: "127.0.0.4", port: first }, "ping", 500)).toBe("web: ping");
    expect(await exchange({ address: "127.0.0.1", port: first }, "ping", 500)).toBe("reset");
    expect(await exchange({ address: "127.0.0.1", port: second }, "ping", 500)).toBe("web: ping");
  });

  test("of a proxy that nothing is redirected to listens on 127.0.0.1 for every port", async () => {
    const more = { INTERCEPTION_MODE: "NONE" };
    const spec = '{ egress: [{ hosts: ["other/bytes.test"] }] }';
    await using other = await RunningProxy.start({ view: view(sidecar("client", spec), more), types: XDS_TYPES, nodeId: NODE });
    expect(other.refusals()).toEqual([]);
    expect(await exchange({ port: bytes }, "ping", 500)).toBe("web: ping");
    const listeners = await other.envoy.admin.text("GET", "/listeners");
    expect(listeners).not.toContain("virtual");
  });
});
