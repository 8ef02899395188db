import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { XDS_TYPES } from "../index.ts";
import { exchange, freePort, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml, type YamlProxy } from "../testing/yaml-view.ts";

// VirtualService's `tcp` and `tls`: every field of a match, on sidecars and gateways.

/** Says its name to who has said something. */
async function speaker(name: string, isTls: boolean): Promise<Server> {
  const answer = (socket: Socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => socket.end(name));
  };
  const { certificate: cert, key } = identityOf(name);
  const server = isTls ? createTlsServer({ cert, key }, answer) : createServer(answer);
  server.on("tlsClientError", () => undefined).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

const sidecar = (namespace = "default", labels: Readonly<Record<string, string>> = {}): YamlProxy => ({
  nodeId: `sidecar~10.0.0.1~client-1.${namespace}~${namespace}.svc.cluster.local`,
  metadata: { LABELS: labels },
});
const ROUTER: YamlProxy = {
  nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local",
  metadata: { LABELS: { app: "ingress" } },
};

const to = (host: string, number: number, weight?: number) => ({
  destination: { host, port: { number } },
  ...(weight === undefined ? {} : { weight }),
});
const networking = (kind: string, name: string, spec: object) => ({ apiVersion: "networking.istio.io/v1", kind, metadata: { name }, spec });

/** By address of the destination: what a match for it asks for beside the address. */
const TCP: Readonly<Record<string, object>> = {
  "10.10.1.0/24": {},
  "10.10.2.1": {},
  "10.10.3.0/24": { sourceLabels: { app: "web" } },
  "10.10.4.0/24": { sourceNamespace: "other" },
  "10.10.5.0/24": { gateways: ["edge"] },
  "10.10.6.0/24": { gateways: ["mesh"] },
  "10.10.7.0/24": { port: 5001 },
  "10.10.8.0/24": { gateways: ["mesh"], sourceLabels: { app: "web" }, sourceNamespace: "default", port: 5000 },
};

/** By name in SNI: what a match for it asks for beside the name. */
const TLS: Readonly<Record<string, object>> = {
  "exact.tls.test": {},
  "*.sub.tls.test": {},
  "labels.tls.test": { sourceLabels: { app: "web" } },
  "namespace.tls.test": { sourceNamespace: "other" },
  "edge.tls.test": { gateways: ["edge"] },
  "mesh.tls.test": { gateways: ["mesh"] },
  "port.tls.test": { port: 443 },
  "other-port.tls.test": { port: 444 },
};

describe("connections by the matches of a VirtualService", () => {
  let proxy: RunningProxy;
  let servers: Readonly<Record<"one" | "two" | "oneTls" | "twoTls", Server>>;
  let plain: number;
  let secure: number;

  const mesh = () => {
    const entry = (name: string, more: object, ports: readonly (readonly [number: number, protocol: string, target: Server])[]) =>
      networking("ServiceEntry", name.replaceAll(".", "-").replace("*", "all"), {
        hosts: [name],
        resolution: "STATIC",
        endpoints: [{ address: "127.0.0.1" }],
        ports: ports.map(([number, protocol, target]) => ({ number, name: `p${number}`, protocol, targetPort: portOf(target) })),
        ...more,
      });
    const { one, two, oneTls, twoTls } = servers;
    return [
      entry("bytes.test", { addresses: ["10.10.0.0/16"] }, [
        [5000, "TCP", one],
        [5001, "TCP", one],
      ]),
      entry("whole.test", { addresses: ["10.11.0.1"] }, [[5000, "TCP", one]]),
      entry("two.test", { addresses: ["10.12.0.1"] }, [[5000, "TCP", two]]),
      entry("*.tls.test", {}, [[443, "TLS", oneTls]]),
      entry("at.subnet.test", { addresses: ["10.20.0.0/16"] }, [[443, "TLS", oneTls]]),
      entry("two-tls.test", { addresses: ["10.13.0.1"] }, [[443, "TLS", twoTls]]),
      networking("VirtualService", "bytes", {
        hosts: ["bytes.test"],
        gateways: ["mesh", "edge"],
        tcp: [
          ...Object.entries(TCP).map(([subnet, match]) => ({
            match: [{ destinationSubnets: [subnet], ...match }],
            route: [to("two.test", 5000)],
          })),
          {
            match: [{ destinationSubnets: ["10.10.9.1", "10.10.9.2"] }, { destinationSubnets: ["10.10.9.3"] }],
            route: [to("two.test", 5000)],
          },
          { match: [{ destinationSubnets: ["10.10.10.0/24"] }], route: [to("bytes.test", 5000, 0), to("two.test", 5000, 1)] },
        ],
      }),
      networking("VirtualService", "whole", {
        hosts: ["whole.test"],
        tcp: [
          { match: [{ sourceNamespace: "other" }], route: [to("two.test", 5000)] },
          { match: [{ port: 1234 }], route: [to("two.test", 5000)] },
          { route: [to("whole.test", 5000)] },
        ],
      }),
      networking("VirtualService", "tls", {
        hosts: ["*.tls.test"],
        gateways: ["mesh", "edge"],
        tls: [
          ...Object.entries(TLS).map(([name, match]) => ({ match: [{ sniHosts: [name], ...match }], route: [to("two-tls.test", 443)] })),
          {
            match: [{ sniHosts: ["first.tls.test", "second.tls.test"] }, { sniHosts: ["third.tls.test"] }],
            route: [to("two-tls.test", 443)],
          },
          { match: [{ sniHosts: ["weights.tls.test"] }], route: [to("*.tls.test", 443, 0), to("two-tls.test", 443, 1)] },
          { match: [{ sniHosts: ["*.tls.test"] }], route: [to("*.tls.test", 443)] },
        ],
      }),
      networking("VirtualService", "subnet", {
        hosts: ["at.subnet.test"],
        tls: [
          { match: [{ sniHosts: ["at.subnet.test"], destinationSubnets: ["10.20.1.0/24"] }], route: [to("two-tls.test", 443)] },
          { match: [{ sniHosts: ["at.subnet.test"] }], route: [to("at.subnet.test", 443)] },
        ],
      }),
      networking("Gateway", "edge", {
        selector: { app: "ingress" },
        servers: [
          { port: { number: plain, name: "tcp", protocol: "TCP" }, hosts: ["*"] },
          { port: { number: secure, name: "tls", protocol: "TLS" }, hosts: ["*.tls.test"], tls: { mode: "PASSTHROUGH" } },
        ],
      }),
      networking("VirtualService", "edge-tcp", {
        hosts: ["edge.test"],
        gateways: ["edge"],
        tcp: [
          { match: [{ port: plain + 1 }], route: [to("bytes.test", 5000)] },
          { match: [{ port: plain, gateways: ["mesh"] }], route: [to("bytes.test", 5000)] },
          // Labels are those of clients inside the mesh: a gateway's are not asked for.
          { match: [{ port: plain, gateways: ["edge"], sourceLabels: { app: "web" } }], route: [to("two.test", 5000)] },
          { route: [to("bytes.test", 5000)] },
        ],
      }),
    ];
  };
  const view = (of: YamlProxy) =>
    viewOfYaml(
      mesh()
        .map((object) => JSON.stringify(object))
        .join("\n---\n"),
      of,
    );
  const become = async (of: YamlProxy) => {
    await proxy.update({ view: view(of) });
    expect(proxy.refusals()).toEqual([]);
  };

  beforeAll(async () => {
    const [one, two, oneTls, twoTls] = await Promise.all([
      speaker("one", false),
      speaker("two", false),
      speaker("one", true),
      speaker("two", true),
    ]);
    servers = { one, two, oneTls, twoTls };
    [plain, secure] = [await freePort(), await freePort()];
    proxy = await RunningProxy.start({ view: view(sidecar()), types: XDS_TYPES });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    for (const server of Object.values(servers ?? {})) server.close();
  });

  const bytes = (destination: string) => proxy.redirected("outbound", destination, "hello");
  const hello = (servername: string) => ({ servername, rejectUnauthorized: false });
  const tls = (name: string, destination = "10.99.0.1:443") => proxy.redirected("outbound", destination, "hello", hello(name));
  const each = async (names: readonly string[], ask: (name: string) => Promise<string>): Promise<Readonly<Record<string, string>>> =>
    Object.fromEntries(await Promise.all(names.map(async (name) => [name, await ask(name)] as const)));

  test.each<readonly [what: string, proxy: YamlProxy, two: readonly number[]]>([
    ["of a sidecar", sidecar(), [1, 2, 6]],
    ["of one with labels", sidecar("default", { app: "web" }), [1, 2, 3, 6, 8]],
    ["of another namespace", sidecar("other", { app: "web" }), [1, 2, 3, 4, 6]],
  ])("bytes %s go by where they are meant to go", async (_what, of, two) => {
    await become(of);
    const expected = Object.fromEntries(
      [1, 2, 3, 4, 5, 6, 7, 8].map((subnet) => [`10.10.${subnet}.1:5000`, two.includes(subnet) ? "two" : "one"]),
    );
    expect(await each(Object.keys(expected), bytes)).toEqual(expected);
    expect(await bytes("10.10.2.2:5000")).toBe("one");
    expect(await bytes("10.10.7.1:5001")).toBe("two");
    expect(await each(["10.10.9.1", "10.10.9.2", "10.10.9.3", "10.10.9.4"], (address) => bytes(`${address}:5000`))).toEqual({
      "10.10.9.1": "two",
      "10.10.9.2": "two",
      "10.10.9.3": "two",
      "10.10.9.4": "one",
    });
    expect(await bytes("10.10.10.1:5000")).toBe("two");
    expect(await bytes("10.11.0.1:5000")).toBe(of.nodeId?.includes(".other~") === true ? "two" : "one");
  });

  test.each<readonly [what: string, proxy: YamlProxy, two: readonly string[]]>([
    ["of a sidecar", sidecar(), ["exact", "a.sub", "mesh", "port"]],
    ["of one with labels", sidecar("default", { app: "web" }), ["exact", "a.sub", "mesh", "port", "labels"]],
    ["of another namespace", sidecar("other", { app: "web" }), ["exact", "a.sub", "mesh", "port", "labels", "namespace"]],
  ])("TLS %s goes by SNI", async (_what, of, two) => {
    await become(of);
    const names = ["exact", "a.sub", "labels", "namespace", "edge", "mesh", "port", "other-port"];
    expect(await each(names, (name) => tls(`${name}.tls.test`))).toEqual(
      Object.fromEntries(names.map((name) => [name, two.includes(name) ? "two" : "one"])),
    );
    expect(await each(["first", "second", "third", "fourth", "weights"], (name) => tls(`${name}.tls.test`))).toEqual({
      first: "two",
      second: "two",
      third: "two",
      fourth: "one",
      weights: "two",
    });
    expect(await tls("at.subnet.test", "10.20.1.7:443")).toBe("two");
    expect(await tls("at.subnet.test", "10.20.2.7:443")).toBe("one");
  });

  test("on a gateway by its port and name", async () => {
    await become(ROUTER);
    expect(await exchange({ port: plain }, "hello")).toBe("two");
    const names = ["exact", "a.sub", "labels", "namespace", "edge", "mesh", "port", "other-port", "third", "weights"];
    const two = ["exact", "a.sub", "labels", "namespace", "edge", "third", "weights"];
    expect(await each(names, (name) => exchange({ port: secure, tls: hello(`${name}.tls.test`) }, "hello"))).toEqual(
      Object.fromEntries(names.map((name) => [name, two.includes(name) ? "two" : "one"])),
    );
    expect(await exchange({ port: secure, tls: hello("tls.example") }, "hello")).toBe("reset");
  });
});
