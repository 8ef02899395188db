import { once } from "node:events";
import { connect as connectHttp2, createServer as createHttp2, type Http2Server } from "node:http2";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { TunedProxy } from "../listener/testing/tuned-proxy.ts";
import { exchange, httpRequest, proxyHeader } from "../testing/running-proxy.ts";
import { type Silence, startSilence } from "../testing/silence.ts";

// `connectionPool` beside DestinationRule's, which connection-pool.scenarios.ts is about: the mesh's `defaultTrafficPolicy`, for connections to services, and a Sidecar's, for those to the workload.

let web: Upstream;
let bytes: Server;
/** Counts PING frames. */
let pinged: Http2Server;
let pings = 0;
/** Speaks HTTP/2 as far as SETTINGS (RFC 9113, 4.1 and 6.5: a frame that says nothing, and one that acknowledges). */
let mute: Server;
let silence: Silence;
let sidecar: TunedProxy;
/** Requests for `/hold` wait until this is called. */
let release: () => void;
let held: Promise<void>;
const sockets = new Set<Socket>();

beforeAll(async () => {
  web = await startUpstream({
    script: async ({ path, protocol }) => {
      if (path.startsWith("/hold")) await held;
      return { status: path.startsWith("/bad") ? 503 : 200, body: protocol };
    },
  });
  bytes = createServer((socket) => {
    sockets.add(socket.on("error", () => socket.destroy()));
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  pinged = createHttp2((_request, response) => void response.end("here"));
  pinged.on("session", (session) => session.on("ping", () => void pings++));
  mute = createServer((socket) => {
    sockets.add(socket.on("error", () => socket.destroy()));
    socket.once("data", () => socket.write(Buffer.from("000000040000000000" + "000000040100000000", "hex")));
  });
  for (const server of [pinged, mute]) await once(server.listen(0, "127.0.0.1"), "listening");
  silence = await startSilence();
  sidecar = await TunedProxy.start(
    `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.test]
  addresses: [10.1.0.1]
  ports:
    - { number: 80, name: http, protocol: HTTP, targetPort: ${web.port} }
    - { number: 7000, name: tcp, protocol: TCP, targetPort: ${portOf(bytes)} }
    - { number: 81, name: http-deaf, protocol: HTTP, targetPort: ${silence.deaf} }
    - { number: 82, name: http-full, protocol: HTTP, targetPort: ${silence.full} }
    - { number: 83, name: http2-pinged, protocol: HTTP2, targetPort: ${portOf(pinged)} }
    - { number: 84, name: http2-mute, protocol: HTTP2, targetPort: ${portOf(mute)} }
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`,
  );
});
afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  for (const socket of sockets) socket.destroy();
  await silence?.[Symbol.asyncDispose]();
  for (const server of [bytes, pinged, mute]) server?.close();
});
beforeEach(() => {
  ({ promise: held, resolve: release } = Promise.withResolvers<void>());
});

function portOf(server: Server | Http2Server): number {
  return (server.address() as AddressInfo).port;
}

interface Origin {
  readonly side: "outbound" | "inbound";
  readonly http: string;
  readonly bytes: string;
  readonly deaf: string;
  readonly full: string;
  readonly pinged: string;
  readonly mute: string;
  /** Names of the clusters that requests go to: of HTTP/1.1, and of HTTP/2. */
  readonly clusters: readonly [http1: string, http2: string];
  /** Has the proxy follow a pool. */
  readonly follow: (pool: object, more?: object, yaml?: string) => Promise<void>;
}

/** A Sidecar whose ports are those of the workload. */
function scope(connectionPool: object | undefined): string {
  const ports = [
    [9080, "HTTP", web.port],
    [9082, "HTTP2", web.port],
    [9081, "TCP", portOf(bytes)],
    [9083, "HTTP", silence.deaf],
    [9084, "HTTP", silence.full],
    [9085, "HTTP2", portOf(pinged)],
    [9086, "HTTP2", portOf(mute)],
  ] as const;
  const ingress = ports.map(([number, protocol, port]) => ({
    port: { number, protocol, name: `p-${number}` },
    defaultEndpoint: `127.0.0.1:${port}`,
    ...(connectionPool === undefined ? {} : { connectionPool }),
  }));
  const spec = { ingress, egress: [{ hosts: ["*/*"] }] };
  return `\n---\n${stringify({ apiVersion: "networking.istio.io/v1", kind: "Sidecar", metadata: { name: "client" }, spec })}`;
}

const ORIGINS: Readonly<Record<string, Origin>> = {
  "MeshConfig's defaultTrafficPolicy": {
    ...{ side: "outbound", http: "10.1.0.1:80", bytes: "10.1.0.1:7000" },
    ...{ deaf: "10.1.0.1:81", full: "10.1.0.1:82", pinged: "10.1.0.1:83", mute: "10.1.0.1:84" },
    clusters: ["outbound|80||web.test", "outbound|80||web.test"],
    follow: (connectionPool, more = {}, yaml = "") =>
      sidecar.tune({ defaultTrafficPolicy: { connectionPool }, ...more }, `${scope(undefined)}${yaml}`),
  },
  "a Sidecar's ingress": {
    ...{ side: "inbound", http: "10.0.0.1:9080", bytes: "10.0.0.1:9081" },
    ...{ deaf: "10.0.0.1:9083", full: "10.0.0.1:9084", pinged: "10.0.0.1:9085", mute: "10.0.0.1:9086" },
    clusters: ["inbound|9080||", "inbound|9082||"],
    follow: (connectionPool, more = {}, yaml = "") => sidecar.tune(more, `${scope(connectionPool)}${yaml}`),
  },
};

/** Requests to the workload are retried. */
const RETRIED = `
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: retried }
spec:
  configPatches:
    - applyTo: HTTP_ROUTE
      match: { context: SIDECAR_INBOUND }
      patch:
        operation: MERGE
        value: { route: { retry_policy: { retry_on: 5xx, num_retries: 2, retry_back_off: { base_interval: 0.3s } } } }
`;

const HOUR = "3600s";

describe.each(Object.entries(ORIGINS))("of %s", (_, origin) => {
  const { side, http, bytes: other, clusters, follow } = origin;
  const [http1, http2] = clusters;
  const isOutbound = side === "outbound";
  const call = (path = "/", at = http) => sidecar.proxy.redirected(side, at, httpRequest("web.test", path));
  const stats = async (cluster: string) => {
    const { values } = await sidecar.proxy.envoy.admin.stats("^cluster[.]");
    return (stat: string) => values[`cluster.${cluster};.${stat}`] ?? 0;
  };
  /** How much a counter has grown meanwhile. */
  const grown = async (cluster: string, stat: string) => {
    const before = (await stats(cluster))(stat);
    return async () => (await stats(cluster))(stat) - before;
  };
  /** Several at once that wait for their answers. */
  const hold = (count: number, at = http) => Array.from({ length: count }, (_, index) => call(`/hold/${index}`, at));

  /** Whether so many connections of bytes are taken, in turn. */
  async function taken(count: number): Promise<readonly boolean[]> {
    const open: Socket[] = [];
    const results: boolean[] = [];
    for (let index = 0; index < count; index++) {
      const socket = connect(sidecar.proxy.connection(side, other).path ?? "");
      open.push(socket.on("error", () => socket.destroy()));
      socket.write(`${proxyHeader(other)}hello`);
      results.push(await new Promise((resolve) => socket.once("data", () => resolve(true)).once("close", () => resolve(false))));
    }
    for (const socket of open) socket.destroy();
    return results;
  }

  test("maxConnections: no more connections", async () => {
    await follow({ tcp: { maxConnections: 2 } });
    expect(await taken(3)).toEqual([true, true, false]);
  });

  test("http1MaxPendingRequests: no more requests that wait for a connection", async () => {
    await follow({ tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } });
    const overflown = await grown(http1, "upstream_rq_pending_overflow");
    const answers = hold(4);
    await expect.poll(overflown, { timeout: 15_000 }).toBeGreaterThan(0);
    release();
    await Promise.all(answers);
  });

  test("http2MaxRequests: no more requests under way", async () => {
    await follow({ http: { http2MaxRequests: 2 } });
    const answers = hold(3);
    expect(await Promise.race(answers)).toContain("503 Service Unavailable");
    release();
    expect((await Promise.all(answers)).filter((answer) => answer.includes("200 OK"))).toHaveLength(2);
  });

  test("maxRequestsPerConnection: 1 opens one for each", async () => {
    for (const [most, connections] of [
      [1, 3],
      [100, 1],
    ]) {
      await follow({ http: { maxRequestsPerConnection: most, idleTimeout: HOUR } });
      const opened = await grown(http1, "upstream_cx_total");
      for (let count = 0; count < 3; count++) expect(await call()).toContain("200 OK");
      expect(await opened()).toBe(connections);
    }
  });

  test.each([
    ["http.idleTimeout", { http: { idleTimeout: "150ms" } }, "upstream_cx_idle_timeout"],
    ["tcp.idleTimeout", { tcp: { idleTimeout: "150ms" } }, "upstream_cx_idle_timeout"],
    ["maxConnectionDuration", { tcp: { maxConnectionDuration: "150ms" } }, "upstream_cx_max_duration_reached"],
  ])("%s ends connections", async (_what, pool, stat) => {
    await follow(pool);
    const ended = await grown(http1, stat);
    expect(await call()).toContain("200 OK");
    await expect.poll(ended, { timeout: 15_000 }).toBe(1);
  });

  test("connectTimeout: the time in which one comes about", async () => {
    const call = () => exchange(sidecar.proxy.connection(side, origin.full), httpRequest("web.test"), 2_000);
    await follow({ tcp: { connectTimeout: "0.1s" } });
    expect(await call()).toContain("503 Service Unavailable");
    await follow({ tcp: { connectTimeout: "60s" } });
    expect(await call()).toBe("timeout");
  });

  test("tcpKeepalive: probes, time, interval: after a time without a word the kernel asks so often, and gives up", async () => {
    await follow({ tcp: { tcpKeepalive: { probes: 1, time: "1s", interval: "1s" } }, http: { idleTimeout: HOUR } });
    expect(await call("/", origin.deaf)).toContain("deaf");
    const cluster = isOutbound ? "outbound|81||web.test" : "inbound|9083||";
    expect((await stats(cluster))("upstream_cx_active")).toBe(1);
    // By default Linux asks after two hours, every 75 s, and 9 times; of each alone, here 10 s and more.
    await expect.poll(async () => (await stats(cluster))("upstream_cx_active"), { timeout: 8_000 }).toBe(0);
  });

  test("maxRetries: no more retries under way", async () => {
    // Requests to the workload are tried once, unless an EnvoyFilter says otherwise.
    await follow({ http: { maxRetries: 1 } }, { defaultHttpRetryPolicy: { attempts: 2, retryOn: "5xx", backoff: "300ms" } }, RETRIED);
    const overflown = await grown(http1, "upstream_rq_retry_overflow");
    await Promise.all(Array.from({ length: 6 }, () => call("/bad")));
    expect(await overflown()).toBeGreaterThan(0);
  });

  test("h2UpgradePolicy: what is spoken to services", async () => {
    await follow({ http: { h2UpgradePolicy: "UPGRADE" } });
    // Only clients' connections are upgraded, in Istio too (`shouldH2Upgrade`).
    expect(await call()).toContain(isOutbound ? "h2" : "http/1.1");
    await follow({ http: { h2UpgradePolicy: "DO_NOT_UPGRADE" } }, { h2UpgradePolicy: "UPGRADE" });
    expect(await call()).toContain("http/1.1");
  });

  test("useClientProtocol: what the client speaks", async () => {
    const asked2 = async () => {
      const socket = connect(sidecar.proxy.connection(side, http).path ?? "");
      socket.write(proxyHeader(http));
      const session = connectHttp2("http://web.test", { createConnection: () => socket });
      const stream = session.request({ ":path": "/" }).setEncoding("utf8");
      let body = "";
      for await (const part of stream) body += part as string;
      session.destroy();
      return body;
    };
    await follow({ http: { useClientProtocol: true } });
    expect([await asked2(), (await call()).includes("http/1.1")]).toEqual(["h2", true]);
    await follow({ http: { useClientProtocol: false } });
    expect(await asked2()).toBe("http/1.1");
  });

  test("maxConcurrentStreams: no more requests on a connection of HTTP/2", async () => {
    await follow({ http: { h2UpgradePolicy: "UPGRADE", maxConcurrentStreams: 1 } });
    const opened = await grown(http2, "upstream_cx_total");
    const answers = hold(3, isOutbound ? http : "10.0.0.1:9082");
    await expect.poll(opened, { timeout: 15_000 }).toBe(3);
    release();
    for (const answer of await Promise.all(answers)) expect(answer).toContain("h2");
  });

  test("http2KeepAlive: interval: a connection is asked again and again; timeout: one that does not answer is closed", async () => {
    await follow({ http: { http2KeepAlive: { interval: "0.1s", timeout: "0.3s" } } });
    const before = pings;
    expect(await call("/", origin.pinged)).toContain("here");
    await expect.poll(() => pings, { timeout: 10_000 }).toBeGreaterThan(before + 3);
    const slow = exchange(sidecar.proxy.connection(side, origin.mute), httpRequest("web.test"), 10_000);
    expect(await slow).toContain("503 Service Unavailable");
    await follow({ http: { http2KeepAlive: { interval: "0.1s", timeout: "60s" } } });
    expect(await exchange(sidecar.proxy.connection(side, origin.mute), httpRequest("web.test"), 2_000)).toBe("timeout");
  });
});

test("inboundConnectionPool holds for ports of the workload that have none", async () => {
  const more = scope(undefined).replace("spec:", "spec:\n  inboundConnectionPool: { http: { maxRequestsPerConnection: 1 } }");
  await sidecar.tune({}, more);
  const opened = async () => (await sidecar.proxy.envoy.admin.stats("^cluster.inbound.9080..;.upstream_cx_total")).values;
  const before = Object.values(await opened())[0] ?? 0;
  for (let count = 0; count < 3; count++) await sidecar.proxy.redirected("inbound", "10.0.0.1:9080", httpRequest("web.test"));
  expect((Object.values(await opened())[0] ?? 0) - before).toBe(3);
});
