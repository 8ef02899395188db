import { connect } from "node:http2";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import type { UpstreamAnswer } from "../../../../harness/upstreams/index.ts";
import { outboundCluster } from "../cluster-name.ts";
import { HOST, Hosts } from "../testing/hosts.ts";
import { rulesOf } from "../testing/rules.ts";
import { startSilence } from "../testing/silence.ts";
import { Traffic } from "../testing/traffic.ts";

const CLUSTER = outboundCluster(HOST, 80);
const pool = (connectionPool: object, more: object = {}) => ({ trafficPolicy: { connectionPool, ...more } });
/** A host that answers nobody until so many requests have come, or `open` is called. */
function waiting(count: number, answer: UpstreamAnswer = {}) {
  const { promise, resolve: open } = Promise.withResolvers<void>();
  let come = 0;
  const script = async () => {
    if (++come >= count) open();
    await promise;
    return answer;
  };
  return { start: () => Hosts.start(1, () => script), open, come: () => come };
}

/** What Envoy says that it uses of a cluster. */
async function dumped(traffic: Traffic): Promise<Readonly<Record<string, unknown>>> {
  const dump = (await traffic.proxy.envoy.admin.configDump({ resource: "dynamic_active_clusters" })) as {
    readonly configs: readonly { readonly cluster: Readonly<Record<string, unknown>> }[];
  };
  return dump.configs.find(({ cluster }) => cluster["name"] === CLUSTER)?.cluster ?? {};
}

/**
 * How many of several requests at once came through.
 *
 * @param answered called when another one has its answer, with how many have by then
 */
async function atOnce(
  traffic: Traffic,
  requests: number,
  answered: (count: number) => void = () => undefined,
): Promise<{ readonly good: number; readonly overflow: number }> {
  let count = 0;
  const one = async () => {
    const answer = await traffic.get(CLUSTER);
    answered(++count);
    return answer;
  };
  const answers = await Promise.all(Array.from({ length: requests }, one));
  return {
    good: answers.filter(({ status }) => status === 200).length,
    overflow: answers.filter(({ headers }) => headers.get("x-envoy-overloaded") === "true").length,
  };
}

describe("Circuit breakers", () => {
  test.for([
    ["http1MaxPendingRequests with one connection", { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } }, 2],
    ["http2MaxRequests", { http: { http2MaxRequests: 3 } }, 3],
  ] as const)("%s: what is above overflows", async ([, settings, most], context) => {
    await requireTarget(envoyTarget, context);
    const { start, open, come } = waiting(Infinity);
    await using hosts = await start();
    await using traffic = await Traffic.start(hosts.view(pool(settings)));
    // The first waits for a connection, as one that is pending; after that it has one. Those within the limit wait until the others have overflown.
    const first = traffic.get(CLUSTER);
    await expect.poll(come, { timeout: 15_000 }).toBe(1);
    const others = await atOnce(traffic, 5, (answered) => {
      if (answered === 6 - most) open();
    });
    expect((await first).status).toBe(200);
    expect(others).toEqual({ good: most - 1, overflow: 6 - most });
  });

  test.for([
    ["where no rule speaks of it", undefined, 2],
    ["where a rule speaks of something else", { trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } } }, 2],
    ["not where a rule has its own", pool({ http: { http2MaxRequests: 4 } }), 4],
  ] as const)("of the mesh's defaultTrafficPolicy hold %s", async ([, rule, most], context) => {
    await requireTarget(envoyTarget, context);
    const { start, open, come } = waiting(Infinity);
    await using hosts = await start();
    const { policy: defaultTrafficPolicy } = rulesOf({ host: HOST, ...pool({ http: { http2MaxRequests: 2 } }) });
    await using traffic = await Traffic.start(hosts.view(rule, { settings: { defaultTrafficPolicy } }));
    const first = traffic.get(CLUSTER);
    await expect.poll(come, { timeout: 15_000 }).toBe(1);
    const others = await atOnce(traffic, 5, (answered) => {
      if (answered === 6 - most) open();
    });
    expect((await first).status).toBe(200);
    expect(others).toEqual({ good: most - 1, overflow: 6 - most });
  });

  test("by default nothing overflows", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await waiting(30).start();
    await using traffic = await Traffic.start(hosts.view(undefined));
    expect(await atOnce(traffic, 30)).toEqual({ good: 30, overflow: 0 });
    const { circuit_breakers: breakers } = (await dumped(traffic)) as {
      readonly circuit_breakers?: { readonly thresholds: readonly object[] };
    };
    const none = 4_294_967_295;
    expect(breakers?.thresholds).toEqual([
      { max_connections: none, max_pending_requests: none, max_requests: none, max_retries: none, track_remaining: true },
    ]);
  });

  test.for([
    ["maxRetries", pool({ http: { maxRetries: 1 } })],
    ["retryBudget", { trafficPolicy: { retryBudget: { percent: 1, minRetryConcurrency: 1, budgetInterval: "1s" } } }],
  ] as const)("%s limits retries", async ([, rule], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await waiting(6, { status: 503, delay: 200 }).start();
    await using traffic = await Traffic.start(hosts.view(rule), { retries: 1 });
    await atOnce(traffic, 6);
    expect(await traffic.stat(CLUSTER, "upstream_rq_retry_overflow")).toBeGreaterThan(0);
    expect(traffic.proxy.refusals()).toEqual([]);
  });
});

describe("Connections", () => {
  test("maxRequestsPerConnection: 1 opens one for each request", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using traffic = await Traffic.start(hosts.view(pool({ http: { maxRequestsPerConnection: 1 } })));
    await traffic.count(CLUSTER, 4);
    expect(await traffic.stat(CLUSTER, "upstream_cx_total")).toBe(4);
  });

  test("are kept otherwise", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using traffic = await Traffic.start(hosts.view(undefined));
    await traffic.count(CLUSTER, 4);
    expect(await traffic.stat(CLUSTER, "upstream_cx_total")).toBe(1);
  });

  test.for([
    ["http.idleTimeout", { http: { idleTimeout: "150ms" } }, "upstream_cx_idle_timeout"],
    ["tcp.idleTimeout, where http says nothing", { tcp: { idleTimeout: "150ms" } }, "upstream_cx_idle_timeout"],
    ["maxConnectionDuration", { tcp: { maxConnectionDuration: "150ms" } }, "upstream_cx_max_duration_reached"],
  ] as const)("end by %s", async ([, settings, stat], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using traffic = await Traffic.start(hosts.view(pool(settings)));
    await traffic.get(CLUSTER);
    await expect.poll(() => traffic.stat(CLUSTER, stat), { timeout: 5_000 }).toBe(1);
  });

  test("connectTimeout ends an attempt", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using silence = await startSilence();
    const endpoint = () => ({ ports: { "port-80": silence.full } });
    await using traffic = await Traffic.start(hosts.view(pool({ tcp: { connectTimeout: "200ms" } }), { endpoint }));
    const start = performance.now();
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 503 });
    expect(performance.now() - start).toBeLessThan(8_000);
    expect(await traffic.stat(CLUSTER, "upstream_cx_connect_timeout")).toBe(1);
  });

  // By default Linux asks after two hours, every 75 s, and gives up when nobody has answered 9 times.
  test.for([
    ["of the destination", { probes: 1, time: "1s", interval: "1s" }, undefined],
    ["of the mesh, value by value under the destination's", { time: "1s" }, { probes: 1, time: 3_600_000, interval: 1_000 }],
  ] as const)("tcpKeepalive %s: a connection is closed when nobody is there any more", async ([, tcpKeepalive, mesh], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using silence = await startSilence();
    const more = { settings: { tcpKeepalive: mesh }, endpoint: () => ({ ports: { "port-80": silence.deaf } }) };
    await using traffic = await Traffic.start(hosts.view(pool({ tcp: { tcpKeepalive }, http: { idleTimeout: "1h" } }), more));
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 200, body: "deaf" });
    await expect.poll(() => traffic.stat(CLUSTER, "upstream_cx_active"), { timeout: 8_000 }).toBe(0);
  });

  test("tcpKeepalive that is empty is the system's", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using traffic = await Traffic.start(hosts.view(pool({ tcp: { tcpKeepalive: {} } })));
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 200 });
    expect(await dumped(traffic)).toMatchObject({ upstream_connection_options: { tcp_keepalive: {} } });
  });

  test("maxConcurrentStreams: no more requests on a connection of HTTP/2", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await waiting(3).start();
    const http = { h2UpgradePolicy: "UPGRADE", maxConcurrentStreams: 1 };
    await using traffic = await Traffic.start(hosts.view(pool({ http })));
    expect(await atOnce(traffic, 3)).toEqual({ good: 3, overflow: 0 });
    expect(await traffic.stat(CLUSTER, "upstream_cx_total")).toBe(3);
  });
});

/** The protocol in which the last request reached the service, after one in HTTP/1.1 or HTTP/2 from the client. */
async function spoken(traffic: Traffic, hosts: Hosts, client: "http1" | "http2"): Promise<string | undefined> {
  if (client === "http1") await traffic.get(CLUSTER);
  else {
    const session = connect(`http://127.0.0.1:${traffic.port}`);
    const stream = session.request({ ":path": "/", "x-cluster": CLUSTER }).resume();
    await once(stream, "end");
    session.close();
  }
  return hosts.all[0]?.requests.at(-1)?.protocol;
}

describe("The protocol to the service", () => {
  test.for([
    ["http", "http", undefined, {}, ["http/1.1", "http/1.1"]],
    ["http2", "http2", undefined, {}, ["h2", "h2"]],
    ["grpc", "grpc", undefined, {}, ["h2", "h2"]],
    ["found out: as the client", "auto", undefined, {}, ["http/1.1", "h2"]],
    ["h2UpgradePolicy UPGRADE", "http", { h2UpgradePolicy: "UPGRADE" }, {}, ["h2", "h2"]],
    ["useClientProtocol", "http", { useClientProtocol: true }, {}, ["http/1.1", "h2"]],
    ["the mesh upgrades", "http", undefined, { h2UpgradePolicy: "UPGRADE" }, ["h2", "h2"]],
    [
      "the mesh upgrades, DO_NOT_UPGRADE does not",
      "http",
      { h2UpgradePolicy: "DO_NOT_UPGRADE" },
      { h2UpgradePolicy: "UPGRADE" },
      ["http/1.1", "http/1.1"],
    ],
  ] as const)("%s", async ([, protocol, http, settings, expected], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    const ports = [{ name: "port-80", number: 80, protocol, targetPort: 80 }];
    await using traffic = await Traffic.start(
      hosts.view(http === undefined ? undefined : pool({ http }), { service: { ports }, settings }),
    );
    const seen = [await spoken(traffic, hosts, "http1"), await spoken(traffic, hosts, "http2")];
    expect(seen).toEqual(expected);
  });
});
