import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { ask } from "../types/testing/ask.ts";
import { freePort } from "../types/testing/free-port.ts";
import { gate, header, patch, PatchedProxy } from "./testing/patched-proxy.ts";

// What a patch's match takes in and what it leaves out, field by field, in a real Envoy: each patch once with a value that means what the request meets, and once with another.

const REVIEWS = "reviews.default.svc.cluster.local";
const TLS = {
  name: "tls",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext" },
};

interface Row {
  /** A match of what the request meets, and of something else. */
  readonly meant: object;
  readonly other: object;
  /** Default: 9080. */
  readonly port?: number;
  /** Default: `reviews`. */
  readonly host?: string;
}

/** Has the patch with each match in turn, until a request sees it, and sees it no more. */
async function tellsApart(
  proxy: PatchedProxy,
  { meant, other }: Row,
  patchOf: (match: object) => object,
  isSeen: () => Promise<boolean>,
  more: readonly object[] = [],
): Promise<void> {
  for (const [match, expected] of [
    [meant, true],
    [other, false],
  ] as const) {
    await proxy.apply([patchOf(match)], more);
    await expect.poll(isSeen, { timeout: 10_000, interval: 20, message: JSON.stringify(match) }).toBe(expected);
  }
}

describe("a sidecar", () => {
  let sidecar: PatchedProxy;

  beforeAll(async () => {
    sidecar = await PatchedProxy.start({ metadata: { LABELS: { app: "client" } } });
  });
  afterAll(async () => {
    await sidecar?.[Symbol.asyncDispose]();
  });

  test.each<[string, Row]>([
    ["listener.portNumber", { port: 7000, meant: { portNumber: 7000 }, other: { portNumber: 8080 } }],
    ["listener.name", { port: 8080, meant: { name: "virtualInbound" }, other: { name: "virtualOutbound" } }],
    [
      "filterChain.name",
      { port: 8080, meant: { filterChain: { name: "0.0.0.0_8080" } }, other: { filterChain: { name: "0.0.0.0_7000" } } },
    ],
    [
      "filterChain.destinationPort",
      { port: 8080, meant: { filterChain: { destinationPort: 8080 } }, other: { filterChain: { destinationPort: 7000 } } },
    ],
    [
      "filterChain.transportProtocol",
      { port: 7000, meant: { filterChain: { transportProtocol: "raw_buffer" } }, other: { filterChain: { transportProtocol: "tls" } } },
    ],
    [
      "filterChain.applicationProtocols",
      {
        port: 7000,
        meant: { filterChain: { applicationProtocols: "http/1.1,h2c" } },
        other: { filterChain: { applicationProtocols: "http/1.1,h2" } },
      },
    ],
  ])("%s: which connections to the workload", async (_, row) => {
    const patchOf = (listener: object) =>
      patch("NETWORK_FILTER", "INSERT_FIRST", { listener }, gate("gate", "DENY"), { context: "SIDECAR_INBOUND" });
    await tellsApart(sidecar, row, patchOf, async () => (await sidecar.inbound({}, row.port)).status !== 200);
    expect((await sidecar.inbound({}, row.port)).status).toBe(200);
  });

  test.each<[string, string, Row]>([
    ["routeConfiguration.name", "ROUTE_CONFIGURATION", { meant: { name: "9080" }, other: { name: "9081" } }],
    ["routeConfiguration.portNumber", "ROUTE_CONFIGURATION", { meant: { portNumber: 9080 }, other: { portNumber: 9307 } }],
    ["vhost.name", "VIRTUAL_HOST", { meant: { vhost: { name: `${REVIEWS}:9080` } }, other: { vhost: { name: `${REVIEWS}:9307` } } }],
    ["vhost.domainName", "VIRTUAL_HOST", { meant: { vhost: { domainName: "reviews" } }, other: { vhost: { domainName: "ratings" } } }],
    ["route.name", "HTTP_ROUTE", { meant: { vhost: { route: { name: "all" } } }, other: { vhost: { route: { name: "old" } } } }],
    [
      "route.action",
      "HTTP_ROUTE",
      { meant: { vhost: { route: { action: "ROUTE" } } }, other: { vhost: { route: { action: "REDIRECT" } } } },
    ],
  ])("%s: which requests of the workload", async (_, applyTo, row) => {
    const patchOf = (routeConfiguration: object) => patch(applyTo, "MERGE", { routeConfiguration }, header("patched"));
    await tellsApart(sidecar, row, patchOf, async () => {
      const { status, headers } = await sidecar.outbound();
      expect(status).toBe(200);
      return headers["x-patched"] === "patched";
    });
  });

  test.each<[string, Row]>([
    ["cluster.service", { meant: { service: REVIEWS }, other: { service: "ratings.default.svc.cluster.local" } }],
    ["cluster.portNumber", { meant: { service: REVIEWS, portNumber: 9080 }, other: { service: REVIEWS, portNumber: 9307 } }],
    ["cluster.name", { meant: { name: `outbound|9080||${REVIEWS}` }, other: { name: `outbound|9307||${REVIEWS}` } }],
    ["cluster.subset", { host: "subset.test", meant: { subset: "v1" }, other: { subset: "v2" } }],
  ])("%s: which clusters", async (_, row) => {
    const patchOf = (cluster: object) => patch("CLUSTER", "MERGE", { cluster }, { transport_socket: TLS });
    const istio = (kind: string, name: string, spec: object) => ({ apiVersion: "networking.istio.io/v1", kind, metadata: { name }, spec });
    const subsets = ["v1", "v2"].map((name) => ({ name, labels: { app: "reviews" } }));
    const destination = { host: "reviews", subset: "v1", port: { number: 9080 } };
    const ports = [{ number: 80, name: "http", protocol: "HTTP" }];
    const more = [
      istio("DestinationRule", "reviews", { host: "reviews", subsets }),
      istio("VirtualService", "subset", { hosts: ["subset.test"], http: [{ route: [{ destination }] }] }),
      istio("ServiceEntry", "ten", { hosts: ["ten.test"], addresses: ["10.9.0.1"], ports, resolution: "NONE" }),
    ];
    const status = async () =>
      row.host === undefined ? (await sidecar.outbound()).status : (await sidecar.outbound({ host: row.host }, 80)).status;
    await tellsApart(sidecar, row, patchOf, async () => (await status()) === 503, more);
    expect(await status()).toBe(200);
  });
});

describe("a gateway with two servers behind TLS at one port", () => {
  let gateway: PatchedProxy;
  let port: number;
  let more: readonly object[];
  const hosts = ["a.example.com", "b.example.com"] as const;

  beforeAll(async () => {
    port = await freePort();
    const { certificate, key } = identityOf(hosts[0]);
    const istio = (kind: string, name: string, spec: object) => ({ apiVersion: "networking.istio.io/v1", kind, metadata: { name }, spec });
    more = [
      { apiVersion: "v1", kind: "Secret", metadata: { name: "both" }, stringData: { "tls.crt": certificate, "tls.key": key } },
      istio("Gateway", "secure", {
        selector: { app: "ingress" },
        servers: hosts.map((host) => ({
          port: { number: port, name: `https-${host.charAt(0)}`, protocol: "HTTPS" },
          hosts: [host],
          tls: { mode: "SIMPLE", credentialName: "both" },
        })),
      }),
      istio("VirtualService", "secure", { hosts, gateways: ["secure"], http: [{ directResponse: { status: 200 } }] }),
    ];
    gateway = await PatchedProxy.start({
      nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local",
      metadata: { LABELS: { app: "ingress" } },
    });
  });
  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
  });

  const answerOf = (host: string) => ask({ port, tls: { servername: host, rejectUnauthorized: false } }, { host });
  const isPatched = async (host: string) => (await answerOf(host)).headers["x-patched"] === "patched";

  test.each<[string, Row]>([
    ["portName", { meant: { portName: "https-a" }, other: { portName: "https-b" } }],
    ["gateway", { meant: { gateway: "default/secure" }, other: { gateway: "default/ingress" } }],
    ["portNumber and vhost.domainName", { meant: { vhost: { domainName: hosts[0] } }, other: { vhost: { domainName: hosts[1] } } }],
  ])("routeConfiguration.%s: which routes", async (_, row) => {
    const patchOf = (match: object) =>
      patch("VIRTUAL_HOST", "MERGE", { routeConfiguration: { portNumber: port, ...match } }, header("patched"), { context: "GATEWAY" });
    await tellsApart(gateway, row, patchOf, () => isPatched(hosts[0]), more);
  });

  test("filterChain.sni: which server's chain", async () => {
    const closed = async (host: string) => (await answerOf(host)).status === 0;
    const patchOf = (sni: string) =>
      patch("NETWORK_FILTER", "INSERT_FIRST", { listener: { filterChain: { sni } } }, gate("gate", "DENY"), { context: "GATEWAY" });
    for (const [meant, other] of [hosts, hosts.toReversed()] as readonly (readonly [string, string])[]) {
      await gateway.apply([patchOf(meant)], more);
      await expect.poll(async () => [await closed(meant), await closed(other)], { timeout: 10_000 }).toEqual([true, false]);
    }
  });
});
