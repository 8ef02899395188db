import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { XDS_TYPES } from "../index.ts";
import { exchange, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

/** A service at an address of its own, and what stands behind it on this machine. */
function service(name: string, address: string, port: number, protocol: string, endpoint: number): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  ${address === "" ? "" : `addresses: ["${address}"]`}
  ports: [{ number: ${port}, name: port, protocol: "${protocol}", targetPort: ${endpoint} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;
}

/** A server in which the server speaks first, as MySQL's does, and then says back what it hears. */
async function greeter(greeting: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.write(greeting);
    socket.on("data", (bytes) => socket.end(bytes));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (server: Server): number => (server.address() as { port: number }).port;
const CLIENT_HELLO = (name: string) => ({ servername: name, rejectUnauthorized: false });

describe("connections of a workload", () => {
  let web: Upstream;
  let one: Server;
  let two: Server;
  let proxy: RunningProxy;
  let folder: string;
  let bound: number;
  const mesh = (more = "") => `
${service("web", "10.1.0.1", 80, "HTTP", web.port)}
${service("one", "10.1.0.2", 3306, "MySQL", portOf(one))}
${service("two", "10.1.0.3", 3306, "TCP", portOf(two))}
${service("auto", "10.1.0.4", 7000, "", web.port)}
${service("auto-bytes", "10.1.0.5", 7000, "", portOf(one))}
${service("range", "10.2.0.0/16", 9000, "TCP", portOf(one))}
${service("range-2", "10.3.0.0/16", 9000, "TCP", portOf(two))}
${service("by-name", "", 443, "TLS", portOf(one))}
${service("by-name-2", "", 443, "TLS", portOf(two))}
${service("bound", "", bound, "HTTP", web.port)}
${service("split", "10.1.0.6", 5000, "TCP", portOf(one))}
${service("mixed-http", "", 6000, "HTTP", web.port)}
${service("mixed-tcp", "10.4.0.0/16", 6000, "TCP", portOf(two))}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: split }
spec:
  hosts: [split.test]
  tcp:
    - match: [{ destinationSubnets: ["10.1.0.6/32"], port: 5000 }]
      route: [{ destination: { host: one.test, port: { number: 3306 } }, weight: 1 }, { destination: { host: two.test, port: { number: 3306 } }, weight: 1 }]
${more}`;
  const update = async (more: string) => {
    await proxy.update({ view: viewOfYaml(mesh(more)) });
    expect(proxy.refusals()).toEqual([]);
  };
  const sidecar = (spec: string) => `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: client }
spec: ${spec}
`;

  beforeAll(async () => {
    [web, one, two] = [
      await startUpstream({ script: ({ path }) => ({ body: `web ${path}` }) }),
      await greeter("one"),
      await greeter("two"),
    ];
    bound = await freePort();
    folder = await mkdtemp(join(tmpdir(), "egress-"));
    proxy = await RunningProxy.start({ view: viewOfYaml(mesh()), types: XDS_TYPES });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await web?.[Symbol.asyncDispose]();
    one?.close();
    two?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const send = (destination: string, text: string) => proxy.redirected("outbound", destination, text);

  test("have listeners that Envoy takes", () => {
    expect(proxy.refusals()).toEqual([]);
  });

  test("go by the address of the service where they are bytes, the server first", async () => {
    expect(await send("10.1.0.2:3306", "ping")).toBe("oneping");
    expect(await send("10.1.0.3:3306", "ping")).toBe("twoping");
  });

  test("are found out to be HTTP or not where the port does not say", async () => {
    expect(await send("10.1.0.4:7000", httpRequest("auto.test", "/a"))).toContain("web /a");
    expect(await send("10.1.0.5:7000", "no HTTP at all\r\n")).toBe("oneno HTTP at all\r\n");
  });

  test("go by ranges of addresses", async () => {
    expect(await send("10.2.7.7:9000", "x")).toBe("onex");
    expect(await send("10.3.7.7:9000", "x")).toBe("twox");
  });

  test("of HTTP and of bytes share a port", async () => {
    expect(await send("10.9.9.9:6000", httpRequest("mixed-http.test", "/m"))).toContain("web /m");
    expect(await send("10.4.0.1:6000", "no HTTP at all\r\n")).toBe("twono HTTP at all\r\n");
  });

  test("are shared by the weights of a VirtualService's tcp", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send("10.1.0.6:5000", "x")));
    expect(new Set(answers.map((answer) => answer.slice(0, 3)))).toEqual(new Set(["one", "two"]));
  });

  test("of TLS go by the name in SNI", async () => {
    const before = await connections("by-name-2");
    await proxy.redirected("outbound", "1.2.3.4:443", "", CLIENT_HELLO("by-name-2.test"));
    expect(await connections("by-name-2")).toBe(before + 1);
  });

  async function connections(name: string): Promise<number> {
    const { values } = await proxy.envoy.admin.stats(`^cluster\\.outbound.443..${name}.test;?\\.upstream_cx_total`);
    return Object.values(values)[0] ?? 0;
  }

  test("go nowhere where the registry is all that may be called", async () => {
    const out = `127.0.0.1:${web.port}`;
    expect(await send(out, httpRequest("any.test", "/x"))).toContain("web /x");
    await update(sidecar("{ outboundTrafficPolicy: { mode: REGISTRY_ONLY } }"));
    expect(await send(out, httpRequest("any.test"))).toBe("reset");
    expect(await send("10.1.0.1:80", httpRequest("any.test"))).toContain("502 Bad Gateway");
    expect(await send("10.1.0.1:80", httpRequest("web.test", "/y"))).toContain("web /y");
    // Of a Sidecar that says nothing the mode is REGISTRY_ONLY; one that does goes before the mesh.
    const meshwide = "---\napiVersion: v1\nkind: MeshConfig\nmetadata: { name: istio }\noutboundTrafficPolicy: { mode: REGISTRY_ONLY }\n";
    await update(`${sidecar("{ outboundTrafficPolicy: { mode: ALLOW_ANY } }")}${meshwide}`);
    expect(await send(out, httpRequest("any.test", "/z"))).toContain("web /z");
  });

  test("go to the egress proxy of a Sidecar where nobody knows their host", async () => {
    await update(sidecar("{ outboundTrafficPolicy: { mode: ALLOW_ANY, egressProxy: { host: one.test, port: { number: 3306 } } } }"));
    expect(await send("192.0.2.1:1234", "hello")).toBe("onehello");
    const subset = `${sidecar("{ outboundTrafficPolicy: { mode: ALLOW_ANY, egressProxy: { host: proxies.test, subset: second, port: { number: 3306 } } } }")}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: proxies }
spec:
  hosts: [proxies.test]
  ports: [{ number: 3305, name: strange, protocol: TCP, targetPort: ${web.port} }, { number: 3306, name: port, protocol: TCP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { port: ${portOf(one)} } }, { address: 127.0.0.1, ports: { port: ${portOf(two)} }, labels: { version: second } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: proxies }
spec: { host: proxies.test, subsets: [{ name: second, labels: { version: second } }] }
`;
    await update(subset);
    for (let count = 0; count < 10; count++) expect(await send("192.0.2.1:1234", "hello")).toBe("twohello");
  });

  test("reach only what the Sidecar imports", async () => {
    await update(sidecar('{ egress: [{ hosts: ["./web.test"] }], outboundTrafficPolicy: { mode: REGISTRY_ONLY } }'));
    expect(await send("10.1.0.1:80", httpRequest("web.test", "/i"))).toContain("web /i");
    expect(await send("10.1.0.3:3306", "x")).toBe("reset");
  });

  test("need no redirection to listeners that a Sidecar binds to ports and paths", async () => {
    const path = join(folder, "egress.sock");
    await update(
      sidecar(`
  egress:
    - { port: { number: ${bound}, protocol: HTTP, name: bound }, bind: 127.0.0.1, captureMode: NONE, hosts: ["./bound.test"] }
    - { port: { number: 0, protocol: HTTP, name: socket }, bind: "unix://${path}", hosts: ["./web.test"] }
    - { hosts: ["./one.test"] }`),
    );
    expect(await exchange({ port: bound }, httpRequest("bound.test", "/bound"))).toContain("web /bound");
    expect(await exchange({ path }, httpRequest("web.test", "/socket"))).toContain("web /socket");
    expect(await send("10.1.0.2:3306", "x")).toBe("onex");
  });
});
