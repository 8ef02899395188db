import { describe, expect, test } from "vitest";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import type { Script } from "../../../../harness/upstreams/index.ts";
import { outboundCluster } from "../cluster-name.ts";
import { HOST, Hosts } from "../testing/hosts.ts";
import { exchange, httpRequest } from "../testing/running-proxy.ts";
import { Traffic } from "../testing/traffic.ts";

const CLUSTER = outboundCluster(HOST, 80);

const balanced = (loadBalancer: object) => ({ trafficPolicy: { loadBalancer } });
const bySubset = { subsets: ["v1", "v2", "v3"].map((version) => ({ name: version, labels: { version } })) };
const versions = { endpoint: (index: number) => ({ labels: { version: index === 0 ? "v1" : "v2" } }) };

describe("How an endpoint is chosen", () => {
  test("ROUND_ROBIN takes one after the other", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(3);
    await using traffic = await Traffic.start(hosts.view(balanced({ simple: "ROUND_ROBIN" })));
    expect(await traffic.count(CLUSTER, 9)).toEqual({ 0: 3, 1: 3, 2: 3 });
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test("weights of endpoints are their shares", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    await using traffic = await Traffic.start(
      hosts.view(balanced({ simple: "ROUND_ROBIN" }), { endpoint: (index) => ({ weight: index === 0 ? 3 : 1 }) }),
    );
    expect(await traffic.count(CLUSTER, 40)).toEqual({ 0: 30, 1: 10 });
  });

  test.for([
    ["RANDOM", balanced({ simple: "RANDOM" })],
    ["LEAST_REQUEST, the default", undefined],
    ["LEAST_CONN, its older name", balanced({ simple: "LEAST_CONN" })],
    ["UNSPECIFIED, which is the default", balanced({ simple: "UNSPECIFIED" })],
  ] as const)("%s takes any", async ([, rule], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    await using traffic = await Traffic.start(hosts.view(rule));
    const counts = await traffic.count(CLUSTER, 60);
    expect(Math.min(counts["0"] ?? 0, counts["1"] ?? 0)).toBeGreaterThan(10);
  });

  test("LEAST_REQUEST avoids who is busy", async (context) => {
    await requireTarget(envoyTarget, context);
    const released = Promise.withResolvers<void>();
    let kept = Promise.withResolvers<void>();
    const never: Script = async () => {
      kept.resolve();
      await released.promise;
      return {};
    };
    await using hosts = await Hosts.start(2, (index) => (index === 0 ? never : () => ({})));
    await using traffic = await Traffic.start(hosts.view(balanced({ simple: "LEAST_REQUEST" })));
    let busy = 0;
    const answers: Promise<unknown>[] = [];
    for (let request = 0; request < 200; request++) {
      kept = Promise.withResolvers();
      const answer = traffic.get(CLUSTER);
      answers.push(answer);
      await Promise.race([answer, kept.promise.then(() => busy++)]);
    }
    released.resolve();
    await Promise.all(answers);
    // Of two hosts that are drawn at random the less busy one is taken, so a quarter is left, where chance alone would leave a half: 80 of 200 are five standard deviations from the one, three from the other.
    expect(busy).toBeLessThan(80);
  });

  test("PASSTHROUGH has no endpoints of its own, and fails where nobody knows where the client wanted to go", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using traffic = await Traffic.start(hosts.view(balanced({ simple: "PASSTHROUGH" })));
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 503 });
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test("warmup: a new endpoint gets little", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    const rule = balanced({ simple: "ROUND_ROBIN", warmup: { duration: "60s", minimumPercent: 5 } });
    const both = hosts.view(rule);
    const [first] = hosts.endpoints();
    await using traffic = await Traffic.start(hosts.view(rule, { endpoints: { [HOST]: first === undefined ? [] : [first] } }));
    expect(await traffic.count(CLUSTER, 5)).toEqual({ 0: 5 });
    // Hosts that were there from the beginning are warm only when the window is over, so a first host is as cold; time tells them apart.
    await traffic.proxy.update({ view: both });
    const counts = await traffic.count(CLUSTER, 100);
    expect((counts["0"] ?? 0) + (counts["1"] ?? 0)).toBe(100);
    expect(await slowStart(traffic)).toMatchObject({
      slow_start_window: "60s",
      min_weight_percent: { value: 5 },
      aggression: { default_value: 1 },
    });
  });
});

describe("warmup", () => {
  test.for([
    ["aggression", { simple: "LEAST_REQUEST", warmup: { duration: "30s", aggression: 2.5 } }, "30s", 10, 2.5],
    ["warmupDurationSecs, the older name", { simple: "ROUND_ROBIN", warmupDurationSecs: "20s" }, "20s", 10, 1],
    ["of the default balancer too", { warmup: { duration: "10s", minimumPercent: 50 } }, "10s", 50, 1],
  ] as const)("%s", async ([, loadBalancer, window, percent, aggression], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(1);
    await using traffic = await Traffic.start(hosts.view(balanced(loadBalancer)));
    expect(traffic.proxy.refusals()).toEqual([]);
    expect(await slowStart(traffic)).toMatchObject({
      slow_start_window: window,
      min_weight_percent: { value: percent },
      aggression: { default_value: aggression },
    });
  });

  test("what a new endpoint gets grows with its time, from what `minimumPercent` says", async (context) => {
    await requireTarget(envoyTarget, context);
    const duration = "60s";
    const [cold, aggressive, older, fromFull] = await Promise.all([
      shareOfSecond({ warmup: { duration, minimumPercent: 0 } }),
      shareOfSecond({ warmup: { duration, minimumPercent: 0, aggression: 1000 } }),
      shareOfSecond({ warmupDurationSecs: "10s" }),
      shareOfSecond({ warmup: { duration, minimumPercent: 100 } }),
    ]);
    // By their ages, of which the first is at least three seconds more; or from a tenth, of the ten seconds of the older name.
    expect([cold, older].filter((share) => share > 0.4)).toEqual([]);
    // The thousandth root of both is nearly 1.
    expect([aggressive, fromFull].filter((share) => share < 0.45)).toEqual([]);
  });
});

/** Of the requests in the first second in which there are two hosts, how many the one gets that is three seconds younger: 0 to 1. */
async function shareOfSecond(loadBalancer: object): Promise<number> {
  await using hosts = await Hosts.start(2);
  const rule = balanced({ simple: "ROUND_ROBIN", ...loadBalancer });
  const [first] = hosts.endpoints();
  await using traffic = await Traffic.start(hosts.view(rule, { endpoints: { [HOST]: first === undefined ? [] : [first] } }));
  expect(await traffic.count(CLUSTER, 1)).toEqual({ 0: 1 });
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await traffic.proxy.update({ view: hosts.view(rule) });
  const since = performance.now();
  const answers: string[] = [];
  while (answers.length < 20 || performance.now() - since < 1_000) answers.push((await traffic.get(CLUSTER)).body);
  return answers.filter((body) => body === "1").length / answers.length;
}

/** What Envoy says that it uses. */
async function slowStart(traffic: Traffic): Promise<unknown> {
  const dump = JSON.stringify(await traffic.proxy.envoy.admin.configDump());
  const found = /"slow_start_config":(\{.*?\}\s*\})/.exec(dump)?.[1];
  return found === undefined ? undefined : JSON.parse(found);
}

describe("Consistent hashing", () => {
  const BY_HEADER = { httpHeaderName: "x-user" };
  const user = (index: number) => ({ "x-user": `user-${index % 10}` });

  test.for([
    ["ringHash", { consistentHash: BY_HEADER }],
    ["a ring of 64", { consistentHash: { ...BY_HEADER, ringHash: { minimumRingSize: 64 } } }],
    ["maglev", { consistentHash: { ...BY_HEADER, maglev: {} } }],
    ["maglev with a table of 251", { consistentHash: { ...BY_HEADER, maglev: { tableSize: 251 } } }],
  ] as const)("by a header, %s: each user stays where it is, and users are spread", async ([, loadBalancer], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(4);
    await using traffic = await Traffic.start(hosts.view(balanced(loadBalancer)));
    const places = new Map<string, Set<string>>();
    for (let index = 0; index < 40; index++) {
      const { body } = await traffic.get(CLUSTER, { headers: user(index) });
      const key = user(index)["x-user"];
      places.set(key, (places.get(key) ?? new Set()).add(body));
    }
    expect([...places.values()].map(({ size }) => size)).toEqual(Array.from({ length: 10 }, () => 1));
    expect(new Set([...places.values()].flatMap((each) => [...each])).size).toBeGreaterThan(1);
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test.for([
    ["ringHash.minimumRingSize", { ringHash: { minimumRingSize: 64 } }, "ring_hash_lb.size", 64],
    ["minimumRingSize, the older name", { minimumRingSize: 128 }, "ring_hash_lb.size", 128],
    ["without either 1024", {}, "ring_hash_lb.size", 1024],
    ["maglev.tableSize, shared by two hosts", { maglev: { tableSize: 251 } }, "maglev_lb.max_entries_per_host", 126],
    ["without a size 65537", { maglev: {} }, "maglev_lb.max_entries_per_host", 32_769],
  ] as const)("%s", async ([, algorithm, stat, size], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    await using traffic = await Traffic.start(hosts.view(balanced({ consistentHash: { ...BY_HEADER, ...algorithm } })));
    await expect.poll(() => traffic.stat(CLUSTER, stat), { timeout: 5_000 }).toBe(size);
  });

  test("by a query parameter", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(4);
    await using traffic = await Traffic.start(hosts.view(balanced({ consistentHash: { httpQueryParameterName: "q" } })));
    const ask = async (q: string) => (await traffic.get(CLUSTER, { path: `/?q=${q}` })).body;
    for (const q of ["a", "b", "c", "d", "e", "f"]) expect(await ask(q)).toBe(await ask(q));
    const seen = new Set(await Promise.all(Array.from({ length: 20 }, (_, index) => ask(String(index)))));
    expect(seen.size).toBeGreaterThan(1);
  });

  test.for([
    ["useSourceIp", balanced({ consistentHash: { useSourceIp: true } }), {}],
    ["Kubernetes' sessionAffinity: ClientIP", undefined, { clientAffinity: true }],
  ] as const)("by the client's address: %s, for HTTP and TCP", async ([, rule, service], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(4);
    await using traffic = await Traffic.start(hosts.view(rule, { service }), { tcp: CLUSTER });
    const counts = await traffic.count(CLUSTER, 12);
    expect(Object.values(counts)).toEqual([12]);
    const byTcp = await Promise.all(Array.from({ length: 6 }, () => exchange({ port: traffic.tcpPort }, httpRequest("reviews"))));
    expect(new Set(byTcp.map((answer) => answer.at(-1)))).toEqual(new Set(Object.keys(counts)));
  });

  test("by a cookie that is made where it is missing", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(4);
    const httpCookie = { name: "place", path: "/", ttl: "60s", attributes: [{ name: "SameSite", value: "Strict" }] };
    await using traffic = await Traffic.start(hosts.view(balanced({ consistentHash: { httpCookie } })));
    const first = await traffic.get(CLUSTER);
    const set = first.headers.get("set-cookie") ?? "";
    expect(set).toMatch(
      /^place="[^"]+"; Max-Age=60; Path=\/; HttpOnly; SameSite=Strict$|^place="[^"]+"; Max-Age=60; Path=\/; SameSite=Strict; HttpOnly$/,
    );
    const [cookie = ""] = set.split(";");
    expect(await traffic.count(CLUSTER, 10, () => ({ cookie }))).toEqual({ [first.body]: 10 });
    const others = await Promise.all(Array.from({ length: 20 }, async () => (await traffic.get(CLUSTER)).body));
    expect(new Set(others).size).toBeGreaterThan(1);
  });

  test("by a cookie for the client's session", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(4);
    await using traffic = await Traffic.start(hosts.view(balanced({ consistentHash: { httpCookie: { name: "place", ttl: "0s" } } })));
    const first = await traffic.get(CLUSTER);
    const set = first.headers.get("set-cookie") ?? "";
    expect(set).toMatch(/^place="[^"]+"; HttpOnly$/);
    const [cookie = ""] = set.split(";");
    expect(await traffic.count(CLUSTER, 6, () => ({ cookie }))).toEqual({ [first.body]: 6 });
  });

  test("by a cookie that nobody makes", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(4);
    await using traffic = await Traffic.start(hosts.view(balanced({ consistentHash: { httpCookie: { name: "place" } } })));
    const { headers } = await traffic.get(CLUSTER);
    expect(headers.get("set-cookie")).toBeNull();
    expect(Object.values(await traffic.count(CLUSTER, 10, () => ({ cookie: "place=here" })))).toEqual([10]);
  });
});

describe("Subsets", () => {
  test("are the endpoints with their labels; one that selects nobody has no healthy upstream, one that is not defined no cluster", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(3);
    await using traffic = await Traffic.start(hosts.view({ ...bySubset, ...balanced({ simple: "ROUND_ROBIN" }) }, versions));
    expect(await traffic.count(outboundCluster(HOST, 80, "v1"), 6)).toEqual({ 0: 6 });
    expect(await traffic.count(outboundCluster(HOST, 80, "v2"), 6)).toEqual({ 1: 3, 2: 3 });
    expect(await traffic.get(outboundCluster(HOST, 80, "v3"))).toMatchObject({ status: 503, body: "no healthy upstream" });
    expect(await traffic.get(outboundCluster(HOST, 80, "v4"))).toMatchObject({ status: 503, body: "" });
  });

  test("have policies of their own before those of the host", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(3);
    const rule = {
      ...balanced({ consistentHash: { httpHeaderName: "x-user" } }),
      subsets: [{ name: "v2", labels: { version: "v2" }, ...balanced({ simple: "ROUND_ROBIN" }) }],
    };
    await using traffic = await Traffic.start(hosts.view(rule, versions));
    expect(await traffic.count(outboundCluster(HOST, 80, "v2"), 6, () => ({ "x-user": "me" }))).toEqual({ 1: 3, 2: 3 });
    expect(Object.values(await traffic.count(CLUSTER, 6, () => ({ "x-user": "me" })))).toEqual([6]);
  });

  test("and settings of a port replace those of the host", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    const portLevelSettings = [{ port: { number: 80 }, loadBalancer: { simple: "ROUND_ROBIN" } }];
    await using traffic = await Traffic.start(
      hosts.view({ trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: "x-user" } }, portLevelSettings } }),
    );
    expect(await traffic.count(CLUSTER, 6, () => ({ "x-user": "me" }))).toEqual({ 0: 3, 1: 3 });
  });
});
