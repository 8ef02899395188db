import { describe, expect, test } from "vitest";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import { outboundCluster } from "../cluster-name.ts";
import { HOST, Hosts } from "../testing/hosts.ts";
import { Traffic } from "../testing/traffic.ts";

const CLUSTER = outboundCluster(HOST, 80);
const HERE = { proxy: { locality: "us-east1/b/rack-1" } };
const PLACES = ["us-east1/b/rack-1", "us-east1/b/rack-2", "us-east1/c", "eu-west1/a", "ap-south1/a"];

const at = (places: readonly string[]) => (index: number) => ({ locality: places[index] ?? "" });
/** Ejects at the first bad answer, and looks often. */
const EAGER = { consecutive5xxErrors: 1, interval: "100ms", baseEjectionTime: "60s", maxEjectionPercent: 100 };
const policy = (localityLbSetting: object | undefined, outlierDetection: object | null = EAGER) => ({
  trafficPolicy: {
    loadBalancer: { simple: "ROUND_ROBIN", ...(localityLbSetting === undefined ? {} : { localityLbSetting }) },
    ...(outlierDetection === null ? {} : { outlierDetection }),
  },
});

/** The order in which hosts answer when each that has answered fails from then on. */
async function order(traffic: Traffic, hosts: Hosts, broken: Set<number>): Promise<readonly string[]> {
  const found: string[] = [];
  while (found.length < hosts.all.length) {
    const { status, body } = await traffic.get(CLUSTER);
    if (status !== 200 || found.includes(body)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    found.push(body);
    broken.add(Number(body));
  }
  return found;
}

const breakable = (broken: Set<number>) =>
  Hosts.start(PLACES.length, (index) => () => (broken.has(index) ? { status: 503 } : { body: String(index) }));

describe("Failover", () => {
  test("goes to the same zone, the same region, then elsewhere, by the mesh's default and outlier detection alone", async (context) => {
    await requireTarget(envoyTarget, context);
    const broken = new Set<number>();
    await using hosts = await breakable(broken);
    await using traffic = await Traffic.start(hosts.view(policy(undefined), { ...HERE, endpoint: at(PLACES) }));
    const found = await order(traffic, hosts, broken);
    expect(found.slice(0, 3)).toEqual(["0", "1", "2"]);
    expect(found.slice(3).toSorted()).toEqual(["3", "4"]);
  });

  test("goes to the region that takes over before the others", async (context) => {
    await requireTarget(envoyTarget, context);
    const broken = new Set<number>();
    await using hosts = await breakable(broken);
    const rule = policy({ failover: [{ from: "us-east1", to: "ap-south1" }] });
    await using traffic = await Traffic.start(hosts.view(rule, { ...HERE, endpoint: at(PLACES) }));
    expect(await order(traffic, hosts, broken)).toEqual(["0", "1", "2", "4", "3"]);
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test("goes to the region that takes over for the region where the client is, not for another", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(3, (index) => () => (index === 0 ? { status: 503 } : { body: String(index) }));
    const rule = policy({
      failover: [
        { from: "ap-south1", to: "eu-west1" },
        { from: "us-east1", to: "us-west1" },
      ],
    });
    await using traffic = await Traffic.start(hosts.view(rule, { ...HERE, endpoint: at(["us-east1/b", "eu-west1/a", "us-west1/a"]) }));
    // The region's own host is out once Envoy's workers know it.
    await expect.poll(() => traffic.get(CLUSTER), { timeout: 10_000 }).toMatchObject({ status: 200 });
    expect(await traffic.count(CLUSTER, 10)).toEqual({ 2: 10 });
  });

  test("goes by labels, the client's own or given ones", async (context) => {
    await requireTarget(envoyTarget, context);
    const broken = new Set<number>();
    await using hosts = await breakable(broken);
    const rule = policy({ failoverPriority: ["tier=gold", "version", "topology.kubernetes.io/zone"] });
    const labels = [
      {},
      { tier: "gold", version: "v1" },
      { tier: "gold", version: "v2" },
      { tier: "gold", version: "v2", zone: "b" },
      { version: "v2" },
    ];
    const zones = ["us-east1/b", "us-east1/c", "us-east1/c", "us-east1/b", "us-east1/b"];
    const endpoint = (index: number) => ({ labels: { ...labels[index] } as Record<string, string>, locality: zones[index] ?? "" });
    await using traffic = await Traffic.start(hosts.view(rule, { proxy: { locality: "us-east1/b", labels: { version: "v2" } }, endpoint }));
    const found = await order(traffic, hosts, broken);
    expect(found.slice(0, 3)).toEqual(["3", "2", "1"]);
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test.for([
    ["without outlier detection nobody is far", policy(undefined, null)],
    ["switched off", policy({ enabled: false })],
  ] as const)("%s: every place gets traffic", async ([, rule], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(3);
    await using traffic = await Traffic.start(
      hosts.view(rule, { ...HERE, endpoint: at(["us-east1/b/rack-1", "us-east1/c", "eu-west1/a"]) }),
    );
    expect(await traffic.count(CLUSTER, 9)).toEqual({ 0: 3, 1: 3, 2: 3 });
  });
});

describe("Distribution", () => {
  test("shares by locality, and leaves out who has no share", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(5);
    const rule = policy({ distribute: [{ from: "us-east1/b/*", to: { "us-east1/b/*": 80, "us-east1/c": 20 } }] }, null);
    await using traffic = await Traffic.start(hosts.view(rule, { ...HERE, endpoint: at(PLACES) }));
    const counts = await traffic.count(CLUSTER, 100);
    expect(Object.keys(counts)).toEqual(["0", "1", "2"]);
    expect(Math.abs((counts["2"] ?? 0) - 20)).toBeLessThanOrEqual(2);
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test("holds for clients there only", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    const rule = policy({ distribute: [{ from: "eu-west1/*", to: { "eu-west1/*": 100 } }] }, null);
    await using traffic = await Traffic.start(hosts.view(rule, { ...HERE, endpoint: at(["us-east1/b", "eu-west1/a"]) }));
    expect(await traffic.count(CLUSTER, 10)).toEqual({ 0: 5, 1: 5 });
  });

  test("works with a hash too", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(3);
    const loadBalancer = {
      consistentHash: { httpHeaderName: "x-user" },
      localityLbSetting: { distribute: [{ from: "*", to: { "us-east1/*": 100 } }] },
    };
    await using traffic = await Traffic.start(
      hosts.view({ trafficPolicy: { loadBalancer } }, { ...HERE, endpoint: at(["us-east1/b", "us-east1/c", "eu-west1/a"]) }),
    );
    const counts = await traffic.count(CLUSTER, 30, (index) => ({ "x-user": String(index) }));
    expect(counts["2"]).toBeUndefined();
    expect(Object.keys(counts)).toHaveLength(2);
    expect(traffic.proxy.refusals()).toEqual([]);
  });
});

describe("What a Service of Kubernetes prefers", () => {
  test("trafficDistribution PreferSameZone keeps to the client's zone while it can", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(3);
    const endpoint = at(["us-east1/c", "us-east1/b", "us-east1/b/rack-9"]);
    await using traffic = await Traffic.start(hosts.view(undefined, { ...HERE, service: { preference: "zone" }, endpoint }));
    const counts = await traffic.count(CLUSTER, 20);
    expect(Object.keys(counts).toSorted()).toEqual(["1", "2"]);
    const [far] = hosts.endpoints(endpoint);
    await traffic.proxy.update({
      view: hosts.view(undefined, { ...HERE, service: { preference: "zone" }, endpoints: { [HOST]: far === undefined ? [] : [far] } }),
    });
    expect(await traffic.count(CLUSTER, 5)).toEqual({ 0: 5 });
  });

  test("trafficDistribution PreferSameNode keeps to the client's node while it can", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    const proxy = { locality: "us-east1/b", metadata: { NODE_NAME: "node-2" } };
    const endpoint = (index: number) => ({ locality: "us-east1/b", node: `node-${index + 1}` });
    await using traffic = await Traffic.start(hosts.view(undefined, { proxy, service: { preference: "node" }, endpoint }));
    expect(await traffic.count(CLUSTER, 6)).toEqual({ 1: 6 });
  });

  test("internalTrafficPolicy Local never leaves the client's node", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    const view = (node: string) =>
      hosts.view(undefined, {
        proxy: { metadata: { NODE_NAME: node } },
        service: { nodeLocal: true },
        endpoint: (index) => ({ node: `node-${index + 1}` }),
      });
    await using traffic = await Traffic.start(view("node-1"));
    expect(await traffic.count(CLUSTER, 6)).toEqual({ 0: 6 });
    await traffic.proxy.update({ view: view("node-3") });
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 503, body: "no healthy upstream" });
  });
});
