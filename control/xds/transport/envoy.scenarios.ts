import { describe, expect, test } from "vitest";
import { binaryProvider } from "../../../harness/envoy/index.ts";
import { startUpstream } from "../../../harness/upstreams/index.ts";
import { CLUSTER, ENDPOINT, FILTER, LISTENER, MapSnapshot, ROUTE, SCOPE, type OnDemand } from "../server/testing/snapshot.ts";
import { TestControl } from "./testing/control.ts";
import { bootstrap, configSource, get, type Delivery } from "./testing/envoy.ts";
import { ADS, brokenRoute, cluster, endpoints, filter, listener, meshOf, route, scope, unknownRoute } from "./testing/mesh.ts";

const DELIVERIES: readonly (Delivery & { readonly title: string })[] = [
  { title: "one incremental stream", apiType: "DELTA_GRPC", aggregated: true },
  { title: "one stream, state of the world", apiType: "GRPC", aggregated: true },
  { title: "an incremental stream for each type", apiType: "DELTA_GRPC", aggregated: false },
  { title: "a stream for each type, state of the world", apiType: "GRPC", aggregated: false },
];

function named(name: string) {
  return startUpstream({ script: () => ({ body: name }) });
}

describe.each(DELIVERIES)("Envoy over $title", (delivery) => {
  const mesh = (hosts: Readonly<Record<string, number>>) => meshOf(hosts, configSource(delivery));

  test("gets listeners, scopes, routes, clusters, endpoints and filters, and what changes", async () => {
    await using a = await named("a");
    await using b = await named("b");
    await using control = await TestControl.start(new MapSnapshot("1", mesh({ "a.test": a.port, "b.test": b.port })));
    await using envoy = await binaryProvider.start(bootstrap(control.listener.port, delivery));
    await control.settled();
    expect(await get(envoy, "a.test")).toEqual({ status: 200, config: "1", body: "a" });
    expect(await get(envoy, "b.test")).toEqual({ status: 200, config: "1", body: "b" });
    const states = new Map(
      control.server
        .status()
        .flatMap(({ types }) => types.filter(({ sent }) => sent !== undefined).map((type) => [type.typeUrl, type.state])),
    );
    expect(Object.fromEntries(states)).toEqual(
      Object.fromEntries([LISTENER, SCOPE, ROUTE, CLUSTER, ENDPOINT, FILTER].map((typeUrl) => [typeUrl, "SYNCED"])),
    );

    await control.push({ [ROUTE]: [route("a.test", "b.test"), route("b.test", "b.test")] });
    expect(await get(envoy, "a.test")).toMatchObject({ body: "b" });
    await control.push({ [ENDPOINT]: [endpoints("a.test", [a.port]), endpoints("b.test", [a.port])] });
    expect(await get(envoy, "b.test")).toMatchObject({ body: "a" });
    await control.push({ [FILTER]: [filter("2")] });
    expect(await get(envoy, "b.test")).toMatchObject({ config: "2" });
  });
});

describe.each(DELIVERIES.filter(({ aggregated }) => aggregated))("Envoy over $title", (delivery) => {
  const mesh = (hosts: Readonly<Record<string, number>>) => meshOf(hosts, configSource(delivery));
  const source = configSource(delivery);

  test("a changed cluster gets its endpoints again, and is warm at once", async () => {
    await using a = await named("a");
    await using control = await TestControl.start(new MapSnapshot("1", mesh({ "a.test": a.port })));
    await using envoy = await binaryProvider.start(bootstrap(control.listener.port, delivery));
    await control.settled();
    const begin = performance.now();
    await control.push({ [CLUSTER]: [cluster("a.test", "2s", source)] });
    expect(performance.now() - begin, "initial_fetch_timeout is 15 s").toBeLessThan(5000);
    expect((await envoy.admin.stats("cluster_manager.(warming_clusters|cluster_modified)")).values).toEqual({
      "cluster_manager.cluster_modified": 1,
      "cluster_manager.warming_clusters": 0,
    });
    expect(await get(envoy, "a.test")).toMatchObject({ body: "a" });
  });

  test("a NACK is kept with Envoy's reason, the rest goes on, and a good version clears it", async () => {
    await using a = await named("a");
    await using b = await named("b");
    const hosts = { "a.test": a.port, "b.test": b.port, "c.test": b.port };
    await using control = await TestControl.start(new MapSnapshot("1", mesh(hosts)));
    await using envoy = await binaryProvider.start(bootstrap(control.listener.port, delivery));
    await control.settled();
    for (const host of Object.keys(hosts)) await get(envoy, host);
    await control.push({ [ROUTE]: [route("a.test", "b.test"), brokenRoute("b.test"), route("c.test", "a.test")] });
    expect(control.refusals()).toMatchObject([
      { name: "b.test", reason: expect.stringMatching(/[Oo]nly a single wildcard domain|[Oo]nly unique/) as string },
    ]);
    expect(control.server.status()[0]?.types.find(({ typeUrl }) => typeUrl === ROUTE)?.state).toBe("NACK");
    expect(await get(envoy, "a.test"), "it came with the bad one and is good").toMatchObject({ body: "b" });
    expect(await get(envoy, "b.test"), "the old one serves").toMatchObject({ body: "b" });
    expect(await get(envoy, "c.test")).toMatchObject({ body: "a" });
    const count = control.sent.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(control.sent.length, "what was refused is not sent in a loop").toBe(count);
    await control.push({ [ROUTE]: [route("a.test", "b.test"), route("b.test", "a.test"), route("c.test", "a.test")] });
    expect(control.refusals()).toEqual([]);
    expect(await get(envoy, "b.test")).toMatchObject({ body: "a" });
  });

  test("a new host needs no round without its cluster", async () => {
    await using a = await named("a");
    await using b = await named("b");
    await using control = await TestControl.start(new MapSnapshot("1", mesh({ "a.test": a.port })));
    await using envoy = await binaryProvider.start(bootstrap(control.listener.port, delivery));
    await control.settled();
    let failures = 0;
    let answers = 0;
    const end = new AbortController();
    const load = (async () => {
      while (!end.signal.aborted) {
        const { status } = await get(envoy, "a.test");
        answers++;
        if (status !== 200) failures++;
      }
    })();
    for (let round = 0; round < 10; round++) {
      const name = `b-${round}.test`;
      const clusters = [cluster("a.test", "1s", source), cluster(name, "1s", source)];
      const loads = [endpoints("a.test", [a.port]), endpoints(name, [b.port])];
      await control.push({
        [CLUSTER]: clusters,
        [ENDPOINT]: loads,
        [SCOPE]: [scope("a.test"), scope(name)],
        [ROUTE]: [route("a.test", name), route(name, name)],
      });
      expect(await get(envoy, name)).toMatchObject({ status: 200, body: "b" });
      await control.push({
        [CLUSTER]: [cluster("a.test", "1s", source)],
        [ENDPOINT]: loads.slice(0, 1),
        [SCOPE]: [scope("a.test")],
        [ROUTE]: [route("a.test", "a.test")],
      });
    }
    end.abort();
    await load;
    expect(failures, `of ${answers}`).toBe(0);
    expect(answers).toBeGreaterThan(10);
  });

  test("the service ends and returns: Envoy goes on, and gets what changed meanwhile", async () => {
    await using a = await named("a");
    await using b = await named("b");
    const hosts = { "a.test": a.port, "b.test": b.port };
    const first = await TestControl.start(new MapSnapshot("1", mesh(hosts)));
    await using envoy = await binaryProvider.start(bootstrap(first.listener.port, delivery));
    await first.settled();
    const { port } = first.listener;
    await first[Symbol.asyncDispose]();
    expect(await get(envoy, "a.test")).toMatchObject({ status: 200, body: "a" });
    const changed = { ...mesh(hosts), [ROUTE]: [route("a.test", "b.test"), route("b.test", "b.test")] };
    await using second = await TestControl.start(new MapSnapshot("1", changed), { port });
    await expect.poll(() => get(envoy, "a.test"), { timeout: 20_000 }).toMatchObject({ body: "b" });
    await second.settled();
    const sent = second.sent.filter(({ resources, removed }) => resources + removed > 0);
    // Of types that are asked for by name, the state of the world cannot say what a client has.
    if (delivery.apiType === "DELTA_GRPC") expect(sent).toMatchObject([{ typeUrl: ROUTE, resources: 1 }]);
    else expect(sent.map(({ typeUrl }) => typeUrl).sort()).toEqual([ENDPOINT, ROUTE, FILTER].sort());
  });
});

test("routes and clusters on demand: a proxy holds what it uses, and an unknown one is answered at once", async () => {
  await using a = await named("a");
  const mesh = meshOf({ "a.test": a.port, "b.test": a.port });
  const scopes = ["a.test", "b.test", "gone.test"].map((host) => scope(host, true));
  const onDemand: OnDemand = (typeUrl, name) => {
    if (typeUrl === CLUSTER) return mesh[CLUSTER]?.find((one) => one.name === name);
    return typeUrl === ROUTE ? unknownRoute(name) : undefined;
  };
  const snapshot = new MapSnapshot("1", { ...mesh, [LISTENER]: [listener(ADS, true)], [SCOPE]: scopes, [CLUSTER]: [] }, onDemand);
  await using control = await TestControl.start(snapshot);
  await using envoy = await binaryProvider.start(bootstrap(control.listener.port, { apiType: "DELTA_GRPC", aggregated: true }));
  await control.settled();
  const sentOf = (type: string) => control.sent.filter(({ typeUrl, resources }) => typeUrl === type && resources > 0).length;
  expect([sentOf(CLUSTER), sentOf(ENDPOINT), sentOf(ROUTE)]).toEqual([0, 0, 0]);
  expect(await get(envoy, "a.test")).toMatchObject({ status: 200, body: "a" });
  expect([sentOf(CLUSTER), sentOf(ENDPOINT), sentOf(ROUTE)]).toEqual([1, 1, 1]);
  const begin = performance.now();
  expect(await get(envoy, "gone.test")).toMatchObject({ status: 404, body: "unknown" });
  expect(performance.now() - begin).toBeLessThan(2000);
  expect(await get(envoy, "unknown.test"), "no scope, no route").toMatchObject({ status: 404 });
});
