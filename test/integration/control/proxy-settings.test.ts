import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createHttp2, createSecureServer, type Http2SecureServer, type Http2Server } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { bootstrapOf, proxyConfigOf } from "../../../control/bootstrap/index.ts";
import { readProxy } from "../../../control/model/index.ts";
import { proxySettingsOf } from "../../../control/offline.ts";
import { TestAuthority, type Issued } from "../../../control/xds/types/testing/authority.ts";
import { SecretServer } from "../../../control/xds/types/testing/secret-server.ts";
import { meshOfYaml } from "../../../control/xds/types/testing/yaml-view.ts";
import { binaryProvider, type Bootstrap, type StartedEnvoy } from "../../../harness/envoy/index.ts";

// MeshConfig's `defaultConfig`, as far as a proxy starts with it: each field as a real Envoy has it. What belongs to the process is seen in cli/commands/proxy.test.ts.

const ID = "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local";
const LABELS = { app: "reviews", "service.istio.io/canonical-name": "critics" };

interface StartOptions {
  /** `stats` of a bootstrap. */
  readonly stats?: "istio" | "all";
  readonly secrets?: SecretServer;
}

/** An Envoy as a mesh with these settings has it start, and a listener `own` with statistics of a name of ours. */
async function start(defaultConfig: object, { stats = "istio", secrets }: StartOptions = {}): Promise<StartedEnvoy> {
  const mesh = meshOfYaml(stringify({ apiVersion: "v1", kind: "MeshConfig", metadata: { name: "istio" }, defaultConfig }));
  const proxy = readProxy({ id: ID, metadata: { LABELS } });
  if (typeof proxy === "string") throw new Error(proxy);
  const made = bootstrapOf({
    nodeId: ID,
    control: { host: "127.0.0.1", port: 15_010 },
    ...{ admin: { host: "127.0.0.1", port: 0 }, statusPort: 0, prometheusPort: 0, stats },
    ...(secrets === undefined ? {} : { secrets: { path: "/run/secrets.sock", controlAuthorities: "CONTROL" } }),
    metadata: { LABELS, PROXY_CONFIG: proxyConfigOf(proxySettingsOf(mesh, proxy)) },
  });
  if (!("bootstrap" in made)) throw new Error(made.problems.join("\n"));
  // It would not be ready before the control service answers; and where another gives it its certificate, that one does.
  const { dynamic_resources: _control, ...rest } = made.bootstrap;
  const bootstrap: Bootstrap = rest;
  const { clusters = [], listeners = [] } = bootstrap.static_resources ?? {};
  const withSecrets = secrets === undefined ? clusters : [...clusters.filter(({ name }) => name !== secrets.cluster.name), secrets.cluster];
  return binaryProvider.start({
    ...bootstrap,
    stats_flush_interval: "0.1s",
    static_resources: { ...bootstrap.static_resources, clusters: withSecrets, listeners: [...listeners, OWN] },
  });
}

const OWN = {
  name: "own",
  address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
  filter_chains: [
    {
      filters: [
        {
          name: "http",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            stat_prefix: "own.team=.=blue;.;",
            route_config: {
              virtual_hosts: [{ name: "own", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] }],
            },
            http_filters: [
              { name: "router", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
            ],
          },
        },
      ],
    },
  ],
};

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

/** A request to the listener of ours. */
async function visit(envoy: StartedEnvoy): Promise<void> {
  const { host, port } = envoy.address("own");
  await (await fetch(`http://${host}:${port}/`)).text();
}

describe("what it says of itself:", () => {
  test("serviceCluster, tracingServiceName, meshId and interceptionMode", async () => {
    const nodeOf = async (config: object) => {
      await using envoy = await start(config);
      const info = JSON.parse(await envoy.admin.text("GET", "/server_info")) as {
        readonly node: { readonly cluster: string; readonly metadata: Readonly<Record<string, unknown>> };
      };
      const { cluster, metadata } = info.node;
      return [cluster, metadata["MESH_ID"], metadata["INTERCEPTION_MODE"]];
    };
    expect(await nodeOf({})).toEqual(["reviews.default", "cluster.local", "REDIRECT"]);
    const some = { tracingServiceName: "CANONICAL_NAME_ONLY", meshId: "shop", interceptionMode: "TPROXY" };
    expect(await nodeOf(some)).toEqual(["critics", "shop", "TPROXY"]);
    expect(await nodeOf({ ...some, serviceCluster: "named" })).toEqual(["named", "shop", "TPROXY"]);
  });

  test("runtimeValues are those of its runtime, where they take the place of defaults, or take them away", async () => {
    const runtime = async (runtimeValues: object) => {
      await using envoy = await start({ runtimeValues });
      const { entries } = JSON.parse(await envoy.admin.text("GET", "/runtime")) as {
        readonly entries: Readonly<Record<string, { readonly final_value: string }>>;
      };
      return [entries["re2.max_program_size.error_level"]?.final_value, entries["shop.limit"]?.final_value];
    };
    expect(await runtime({})).toEqual(["32768", undefined]);
    expect(await runtime({ "re2.max_program_size.error_level": "", "shop.limit": "7" })).toEqual([undefined, "7"]);
  });
});

describe("its connections:", () => {
  test("globalDownstreamConnectionLimit is how many there may be", async () => {
    const sockets: Socket[] = [];
    const connected = (envoy: StartedEnvoy): Promise<boolean> => {
      const socket = connect(envoy.address("own").port, "127.0.0.1");
      sockets.push(socket.on("error", () => socket.destroy()));
      socket.write("GET / HTTP/1.1\r\nHost: own\r\n\r\n");
      return new Promise((resolve) => socket.once("data", () => resolve(true)).once("close", () => resolve(false)));
    };
    const taken = async (connectionSettings: object) => {
      await using envoy = await start({ connectionSettings });
      return [await connected(envoy), await connected(envoy), await connected(envoy)];
    };
    try {
      expect(await taken({ globalDownstreamConnectionLimit: 2 })).toEqual([true, true, false]);
      expect(await taken({})).toEqual([true, true, true]);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});

describe("its statistics:", () => {
  test("extraStatTags are labels of metrics", async () => {
    const metrics = async (config: object): Promise<string> => {
      await using envoy = await start(config, { stats: "all" });
      await visit(envoy);
      return await envoy.admin.text("GET", "/stats/prometheus");
    };
    expect(await metrics({ extraStatTags: ["team"] })).toContain('team="blue"');
    const plain = await metrics({});
    expect(plain).toContain("envoy_server_live");
    expect(plain).not.toContain('team="blue"');
  });

  test("proxyStatsMatcher says which are kept: inclusionPrefixes, inclusionSuffixes, inclusionRegexps", async () => {
    const kept = async (proxyStatsMatcher: object) => {
      await using envoy = await start({ proxyStatsMatcher });
      await visit(envoy);
      const names = Object.keys((await envoy.admin.stats("^http[.]own")).values).map((name) => name.replace(/^.*;[.;]*/, ""));
      return names.filter((name) => name !== "downstream_cx_active").sort();
    };
    expect(await kept({})).toEqual([]);
    const prefix = { inclusionPrefixes: ["http.own.team=.=blue;.;.downstream_rq_rx"] };
    expect(await kept(prefix)).toEqual(["downstream_rq_rx_reset"]);
    const others = { inclusionSuffixes: ["downstream_rq_total"], inclusionRegexps: ["http\\.own.*\\.downstream_rq_(http1|http3)_total"] };
    expect(await kept({ ...prefix, ...others })).toEqual([
      "downstream_rq_http1_total",
      "downstream_rq_http3_total",
      "downstream_rq_rx_reset",
      "downstream_rq_total",
    ]);
  });

  test("statsdUdpAddress gets them by UDP", async () => {
    const socket = createSocket("udp4");
    try {
      await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
      const received = new Promise<string>((resolve) => socket.once("message", (bytes) => resolve(bytes.toString())));
      await using _envoy = await start({ statsdUdpAddress: `127.0.0.1:${portOf(socket)}` });
      expect(await received).toMatch(/^envoy\.server\./);
    } finally {
      socket.close();
    }
  });
});

describe("envoyMetricsService, to which its statistics are sent by gRPC:", () => {
  const STREAM = "/envoy.service.metrics.v3.MetricsService/StreamMetrics";
  let folder: string;
  let authority: TestAuthority;
  const servers: (Http2Server | Http2SecureServer)[] = [];
  const issued = new Map<string, Issued>();
  const path = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metrics-"));
    authority = await TestAuthority.create();
    const strangers = await TestAuthority.create("Others");
    const server = await authority.issue("metrics.test");
    const client = await authority.issue("spiffe://cluster.local/ns/default/sa/default");
    issued.set("server", server).set("client", client);
    await Promise.all([
      writeFile(path("ca.pem"), authority.certificate),
      writeFile(path("others.pem"), strangers.certificate),
      writeFile(path("crl.pem"), await authority.revoke(server)),
      writeFile(path("cert.pem"), client.certificate),
      writeFile(path("key.pem"), client.key),
    ]);
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Who called a service, and by which name of SNI. */
  interface Called {
    readonly path: string | undefined;
    readonly name: string;
    readonly client: string;
  }

  async function serve(server: Http2Server | Http2SecureServer): Promise<{ readonly address: string; readonly called: Promise<Called> }> {
    servers.push(server);
    server.on("sessionError", () => undefined);
    const called = new Promise<Called>((resolve) =>
      server.once("stream", (stream, headers) => {
        const { servername, getPeerCertificate } = stream.session?.socket as Partial<TLSSocket>;
        const client = getPeerCertificate?.call(stream.session?.socket).subjectaltname ?? "";
        resolve({ path: headers[":path"], name: typeof servername === "string" ? servername : "", client });
      }),
    );
    await once(server.listen(0, "127.0.0.1"), "listening");
    return { address: `127.0.0.1:${portOf(server)}`, called };
  }

  function secure(requestCert: boolean): Http2SecureServer {
    const { certificate: cert = "", key = "" } = issued.get("server") ?? {};
    const ca = authority.certificate;
    const SNICallback = (_name: string, done: (error: null, context: ReturnType<typeof createSecureContext>) => void) =>
      done(null, createSecureContext({ cert, key, ca }));
    return createSecureServer({ cert, key, ca, requestCert, rejectUnauthorized: requestCert, SNICallback });
  }

  test("address, and tcpKeepalive has the kernel ask whether it is there", async () => {
    const { address, called } = await serve(createHttp2());
    await using _envoy = await start({ envoyMetricsService: { address, tcpKeepalive: { time: "7s", interval: "7s", probes: 3 } } });
    expect((await called).path).toBe(STREAM);
    const remote = `0100007F:${Number(address.split(":")[1]).toString(16).toUpperCase().padStart(4, "0")}`;
    const timers = async () => {
      const lines = (await readFile("/proc/net/tcp", "utf8")).split("\n").map((line) => line.trim().split(/\s+/));
      // As in Linux's proc_net_tcp.rst: state 01 is an established connection, timer 02 that of keep-alive; 01 has a byte under way.
      return lines.filter(([, , to, state]) => to === remote && state === "01").map(([, , , , , timer = ""]) => timer.slice(0, 2));
    };
    await expect.poll(timers, { timeout: 15_000, interval: 20 }).toContain("02");
  });

  test.each<[what: string, tls: (path: (name: string) => string) => object, called: object | undefined]>([
    ["mode DISABLE is none", () => ({ mode: "DISABLE" }), undefined],
    ["caCertificates, sni", (file) => ({ mode: "SIMPLE", caCertificates: file("ca.pem"), sni: "metrics.test" }), { name: "metrics.test" }],
    ["caCertificates of others", (file) => ({ mode: "SIMPLE", caCertificates: file("others.pem"), sni: "metrics.test" }), undefined],
    ["a name that it has not", (file) => ({ mode: "SIMPLE", caCertificates: file("ca.pem"), sni: "else.test" }), undefined],
    [
      "subjectAltNames in the place of that name",
      (file) => ({ mode: "SIMPLE", caCertificates: file("ca.pem"), sni: "else.test", subjectAltNames: ["metrics.test"] }),
      { name: "else.test" },
    ],
    [
      "caCrl, which lists it",
      (file) => ({ mode: "SIMPLE", caCertificates: file("ca.pem"), caCrl: file("crl.pem"), sni: "metrics.test" }),
      undefined,
    ],
    ["insecureSkipVerify", () => ({ mode: "SIMPLE", insecureSkipVerify: true, sni: "any.test" }), { name: "any.test" }],
    [
      "MUTUAL, clientCertificate, privateKey",
      (file) => ({
        mode: "MUTUAL",
        ...{ clientCertificate: file("cert.pem"), privateKey: file("key.pem"), caCertificates: file("ca.pem"), sni: "metrics.test" },
      }),
      { client: "URI:spiffe://cluster.local/ns/default/sa/default" },
    ],
    ["ISTIO_MUTUAL", () => ({ mode: "ISTIO_MUTUAL" }), { client: "URI:spiffe://cluster.local/ns/default/sa/default" }],
  ])("by TLS: %s", async (what, tls, expected) => {
    const { address, called } = await serve(secure(/MUTUAL/.test(what)));
    const { certificate = "", key = "" } = issued.get("client") ?? {};
    await using secrets = await SecretServer.start({ certificate, key, authority: authority.certificate });
    await using envoy = await start({ envoyMetricsService: { address, tlsSettings: tls(path) } }, { stats: "all", secrets });
    if (expected !== undefined) {
      expect(await called).toMatchObject({ path: STREAM, ...expected });
      return;
    }
    const failures = async () => {
      const { values } = await envoy.admin.stats(
        "^cluster.envoy_metrics_service;?.(ssl.fail_|upstream_cx_destroy$|upstream_cx_connect_fail$)",
      );
      return Object.values(values).reduce((sum, value) => sum + value, 0);
    };
    await expect.poll(failures, { timeout: 15_000 }).toBeGreaterThan(0);
    expect(await Promise.race([called, Promise.resolve("nobody called")])).toBe("nobody called");
  });
});
