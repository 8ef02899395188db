import { create, fromBinary } from "@bufbuild/protobuf";
import { StringValueSchema, UInt32ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { typeUrl } from "../envoy-api/index.ts";
import { Mesh, type MeshChange, type PeerChange } from "../mesh/index.ts";
import {
  contributed,
  CONTRIBUTED,
  endpoint,
  gateway,
  httpMatch,
  httpRoute,
  routing,
  service,
  SETTINGS,
  sidecar,
  trafficRules,
  workload,
} from "../mesh/testing/contributions.ts";
import {
  type MeshObject,
  mtlsModeOf,
  objectKey,
  ON_DEMAND_KEY,
  type Peer,
  type Proxy,
  type ProxyView,
  readProxy,
  type SidecarIngress,
} from "../model/index.ts";
import type { Snapshot } from "../xds/server/index.ts";
import type { XdsType } from "../xds/types/xds-type.ts";
import { Configurations } from "./configurations.ts";

/** A type whose resources say what they were made from, by host. */
const BY_HOST: XdsType<typeof StringValueSchema> = {
  name: "by-host",
  schema: StringValueSchema,
  rules: { order: 1, complete: true, wildcard: true },
  units: (view) => [...view.hosts(), ...view.routedHosts()],
  translate: (view, unit) => [
    {
      name: unit,
      message: create(StringValueSchema, { value: JSON.stringify(factsOf(view, unit)) }),
      onDemand: view.client().onDemand && !view.isMirrored(unit),
    },
  ],
};

/** A type of which one unit is the same for all proxies of a namespace, and one is each proxy's own. */
const WHOLE: XdsType<typeof UInt32ValueSchema> = {
  name: "whole",
  schema: UInt32ValueSchema,
  rules: { order: 2, complete: true, wildcard: true },
  units: () => ["shared", "own"],
  translate(view, unit) {
    if (unit === "own")
      return [
        ...view.inbound().ports.map(({ service: { host }, targetPort }) => ({ name: `inbound ${host}`, value: targetPort })),
        { name: `inbound ${view.mtls().mode} ${mtlsModeOf(view.mtls(), 8080)}`, value: 0 },
      ].map(({ name, value }) => ({ name, message: create(UInt32ValueSchema, { value }) }));
    return view.gateways().flatMap(({ namespace, name }) =>
      view.gatewayHosts(`${namespace}/${name}`).map((host) => ({
        name: `${name} ${host}`,
        message: create(UInt32ValueSchema, { value: view.gatewayRouting(`${namespace}/${name}`, host)?.http.length ?? 0 }),
      })),
    );
  },
};

const TYPES = [BY_HOST, WHOLE] as readonly XdsType[];

function factsOf(view: ProxyView, host: string): unknown {
  return {
    service: view.service(host)?.ports,
    endpoints: view.endpoints(host).map((each) => [each.address, each.labels, each.tlsMode, view.endpointMtls(each, 8080)]),
    identities: view.identities(host),
    subsets: view.trafficRules(host)?.subsets,
    routes: view.routing(host)?.http.map(({ route, timeout }) => [route.map(({ destination }) => destination), timeout]),
    sidecar: view.sidecar()?.name,
    hops: view.proxySettings().gatewayTopology.numTrustedProxies,
  };
}

const NAMESPACES = ["a", "b", "istio-system"];
const HOSTS = ["x.a.svc.cluster.local", "y.b.svc.cluster.local", "z.example.com", "*.example.com", "*"];
const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const labels = fc.record({ app: oneOf("one", "two"), version: oneOf("v1", "v2") }, { requiredKeys: [] });
const metadata = fc.record({ name: oneOf("p", "q"), namespace: oneOf(...NAMESPACES), created: oneOf(1, 2) });
const exportTo = oneOf(["*"], ["."], ["a"]);
const selector = fc.option(labels, { nil: undefined });

const ingressAt = (number: number): SidecarIngress => ({
  port: { number, protocol: "http", name: "http" },
  bind: undefined,
  captureMode: "NONE",
  defaultEndpoint: undefined,
  connectionPool: undefined,
  tls: undefined,
});

/** Objects of all sorts over a few names, so that they meet. */
const anyObject: fc.Arbitrary<MeshObject> = fc.oneof(
  fc.tuple(metadata, oneOf(...HOSTS.slice(0, 3)), exportTo, selector, oneOf(80, 81)).map(([of, host, seen, selected, number]) =>
    contributed(
      `service-${of.name}`,
      (object) => ({
        services: [
          service(object, host, {
            exportTo: seen,
            selector: selected,
            ports: [{ name: "http", number, protocol: "http", targetPort: "web" }],
          }),
        ],
      }),
      of,
    ),
  ),
  fc
    .tuple(metadata, labels, oneOf(8080, 9080), fc.boolean(), oneOf(undefined, undefined, "{ gatewayTopology: { numTrustedProxies: 1 } }"))
    .map(([of, mine, port, ready, said]) =>
      contributed(
        `workload-${of.name}`,
        (object) => ({
          workloads: [
            workload(object, `10.0.0.${of.name === "p" ? 1 : 2}`, {
              labels: mine,
              ports: { web: port },
              ready,
              ...(said === undefined ? {} : { proxyConfig: said }),
            }),
          ],
        }),
        of,
      ),
    ),
  fc.tuple(metadata, oneOf(...HOSTS.slice(0, 2)), oneOf("10.0.0.1", "10.0.0.3")).map(([of, host, address]) =>
    contributed(
      `slice-${of.name}`,
      (object) => ({
        endpoints: [{ host, namespace: of.namespace, endpoints: [endpoint(address, { namespace: of.namespace })], object }],
      }),
      of,
    ),
  ),
  fc
    .tuple(
      metadata,
      fc.subarray(HOSTS),
      fc.subarray(["mesh", "a/gateway-p"]),
      exportTo,
      oneOf(...HOSTS.slice(0, 3)),
      labels,
      fc.boolean(),
      oneOf(1, 2),
    )
    .map(([of, hosts, gateways, seen, target, source, delegates, timeout]) =>
      contributed(
        `routing-${of.name}`,
        (object) => ({
          routings: [
            routing(
              object,
              hosts,
              [
                httpRoute(object, target, {
                  timeout,
                  match: [httpMatch({ sourceLabels: source })],
                  delegate: delegates ? { namespace: "b", name: "routing-q" } : undefined,
                  mirrors: timeout === 2 ? [{ destination: { host: target, subset: undefined, port: undefined }, percentage: 100 }] : [],
                }),
              ],
              { gateways, exportTo: seen },
            ),
          ],
        }),
        of,
      ),
    ),
  fc
    .tuple(metadata, oneOf(...HOSTS), exportTo, selector, oneOf("v1", "v2"))
    .map(([of, host, seen, workloadSelector, subset]) =>
      contributed(
        `rules-${of.name}`,
        (object) => ({ trafficRules: [trafficRules(object, host, [subset], { exportTo: seen, workloadSelector })] }),
        of,
      ),
    ),
  fc
    .tuple(metadata, selector, oneOf(...HOSTS), oneOf("*", ".", "b"), fc.subarray([80, 8080, 9080]))
    .map(([of, workloadSelector, host, from, ports]) =>
      contributed(
        `sidecar-${of.name}`,
        (object) => ({ sidecars: [sidecar(object, [[from, host]], { workloadSelector, ingress: ports.map(ingressAt) })] }),
        of,
      ),
    ),
  fc
    .tuple(metadata, labels, oneOf(...HOSTS), oneOf("*", ".", "b"))
    .map(([of, picks, host, from]) =>
      contributed(`gateway-${of.name}`, (object) => ({ gateways: [gateway(object, [[from, host]], { selector: picks })] }), of),
    ),
  fc
    .tuple(metadata, selector, oneOf("STRICT" as const, "DISABLE" as const, undefined), oneOf("STRICT" as const, undefined))
    .map(([of, picks, mode, port]) =>
      contributed(
        `policy-${of.name}`,
        (object) => ({
          peerAuthentications: [
            {
              name: of.name,
              namespace: of.namespace,
              selector: picks ?? {},
              mode,
              ports: new Map(picks === undefined ? [] : [[8080, port]]),
              object,
            },
          ],
        }),
        of,
      ),
    ),
  fc
    .tuple(metadata, oneOf("a", "istio-system"))
    .map(([of, rootNamespace]) => contributed(`settings-${of.name}`, () => ({ settings: { ...SETTINGS, rootNamespace } }), of)),
);

/** What a proxy tells of itself; one whose `connected` is false is forgotten. */
const anyPeer: fc.Arbitrary<Peer & { readonly connected: boolean }> = fc.record({
  id: oneOf("i", "j", "k"),
  namespace: oneOf("a", "b"),
  serviceAccount: oneOf("one", "two"),
  labels,
  addresses: fc.subarray(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
  identity: fc.boolean(),
  redirected: fc.boolean(),
  connected: fc.boolean(),
});

/** The third is a replica of the first. */
const PROXIES: readonly Proxy[] = ["a", "b"].flatMap((namespace) =>
  ["one", "two", "one"].flatMap((app, index) =>
    ["sidecar", "router"].map((type) => {
      const proxy = readProxy({
        id: `${type}~10.0.0.${index + 1}~${app}.${namespace}~x`,
        metadata: { LABELS: { app, version: "v1", other: "unread" }, [ON_DEMAND_KEY]: app === "two" },
      });
      if (typeof proxy === "string") throw new Error(proxy);
      return proxy;
    }),
  ),
);

function contentOf(snapshot: Snapshot): Record<string, Record<string, string>> {
  const content: Record<string, Record<string, string>> = {};
  for (const { schema } of TYPES) {
    const view = snapshot.resources(typeUrl(schema));
    const all = Array.from(view.names(), (name) => [name, view.get(name)?.version ?? "missing"] as const);
    // What is asked for by name is another thing than what all get.
    const asked = Array.from(view.namesOnDemand?.() ?? [], (name) => [name, `asked ${view.onDemand?.(name)?.version ?? ""}`] as const);
    content[typeUrl(schema)] = Object.fromEntries([...all, ...asked].toSorted());
  }
  return content;
}

describe("what a change makes again", () => {
  const steps = fc.array(
    fc.record({
      upserted: fc.array(anyObject, { maxLength: 4 }),
      removed: fc.array(anyObject.map(objectKey), { maxLength: 2 }),
      told: fc.array(anyPeer, { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 8 },
  );

  test("step by step is what a fresh start makes, and every difference is announced", () => {
    fc.assert(
      fc.property(steps, (changes) => {
        const stepwise = new Configurations(TYPES, Mesh.empty([CONTRIBUTED], SETTINGS));
        const seen = new Map(PROXIES.map((proxy) => [proxy.id, contentOf(stepwise.add(proxy).snapshot)]));
        const objects = new Map<string, MeshObject>();
        const peers = new Map<string, Peer>();
        for (const change of changes) {
          keep(objects, change);
          const outcomes = [stepwise.apply(change), ...change.told.map((peer) => stepwise.applyPeers(tell(peers, peer)))];
          expect(outcomes.flatMap(({ failures }) => failures)).toEqual([]);
          const announced = Map.groupBy(
            outcomes.flatMap(({ changed }) => changed),
            ({ proxy }) => proxy.id,
          );

          const mesh = Mesh.empty([CONTRIBUTED], SETTINGS)
            .applyPeers({ come: [...peers.values()], gone: [] })
            .mesh.apply({ upserted: [...objects.values()], removed: [] }).mesh;
          for (const proxy of PROXIES) {
            const before = seen.get(proxy.id) ?? {};
            // Each by itself: nothing is shared.
            const after = contentOf(new Configurations(TYPES, mesh).add(proxy).snapshot);
            const now = stepwise.snapshotOf(proxy.id);
            expect(now === undefined ? undefined : contentOf(now)).toEqual(after);
            for (const [url, names] of differences(before, after)) {
              const change = (announced.get(proxy.id) ?? []).flatMap((each) => each.changes).filter(({ typeUrl: each }) => each === url);
              const all = change.some((each) => each.names === undefined);
              if (!all) expect(change.flatMap((each) => each.names ?? []).sort()).toEqual(expect.arrayContaining(names));
            }
            seen.set(proxy.id, after);
          }
        }
      }),
      { numRuns: 200, seed: 20261121 },
    );
  });
});

function tell(peers: Map<string, Peer>, { connected, ...peer }: Peer & { readonly connected: boolean }): PeerChange {
  const before = peers.get(peer.id);
  if (connected) peers.set(peer.id, peer);
  else peers.delete(peer.id);
  return { come: connected ? [peer] : [], gone: before === undefined ? [] : [before] };
}

function keep(objects: Map<string, MeshObject>, { upserted, removed }: MeshChange): void {
  for (const key of removed) objects.delete(key);
  for (const object of upserted) objects.set(objectKey(object), object);
}

function* differences(
  before: Record<string, Record<string, string>>,
  after: Record<string, Record<string, string>>,
): Iterable<[string, string[]]> {
  for (const url of Object.keys(after)) {
    const names = new Set([...Object.keys(before[url] ?? {}), ...Object.keys(after[url] ?? {})]);
    const different = [...names].filter((name) => before[url]?.[name] !== after[url]?.[name]);
    if (different.length > 0) yield [url, different];
  }
}

describe("proxies", () => {
  const weighted = (timeout: number) =>
    contributed("routing", (object) => ({ routings: [routing(object, [HOSTS[0] ?? ""], [httpRoute(object, "x", { timeout })])] }), {
      namespace: "a",
    });
  const start = () =>
    new Configurations(
      TYPES,
      Mesh.empty([CONTRIBUTED], SETTINGS).apply({
        upserted: [
          ...HOSTS.slice(0, 3).map((host, index) =>
            contributed(`s${index}`, (object) => ({ services: [service(object, host)] }), { namespace: "a" }),
          ),
          weighted(1),
        ],
        removed: [],
      }).mesh,
    );
  const [first, , second] = PROXIES.filter(({ namespace, type }) => namespace === "a" && type === "sidecar").flatMap((proxy) => [
    proxy,
    proxy,
  ]);

  test("whose pod says something of its proxy alone are told of that", () => {
    const configurations = start();
    const named = (id: string, address: string) => ({ ...(first as Proxy), id, addresses: [address] });
    for (const proxy of [named("one", "10.0.0.77"), named("two", "10.0.0.78")]) configurations.add(proxy);
    const pod = (proxyConfig: string) =>
      contributed("pod", (object) => ({ workloads: [workload(object, "10.0.0.77", { proxyConfig })] }), { namespace: "a" });
    const say = (hops: number) =>
      configurations
        .apply({ upserted: [pod(`gatewayTopology: { numTrustedProxies: ${hops} }`)], removed: [] })
        .changed.map(({ proxy }) => proxy.id);
    expect(say(2)).toEqual(["one"]);
    expect(say(2)).toEqual([]);
    expect(say(3)).toEqual(["one"]);
  });

  test("are chosen by the labels of their workloads, which go before their own", () => {
    const configurations = start();
    const named = (id: string, address: string) => ({
      ...(first as Proxy),
      id,
      addresses: [address],
      labels: { app: "other", tier: "front" },
    });
    for (const proxy of [named("one", "10.0.0.77"), named("two", "10.0.0.78")]) configurations.add(proxy);
    const scope = contributed(
      "scope",
      (object) => ({ sidecars: [sidecar(object, [["~", "*"]], { workloadSelector: { app: "shop", tier: "front" } })] }),
      { namespace: "a" },
    );
    const pod = (app: string) =>
      contributed("pod", (object) => ({ workloads: [workload(object, "10.0.0.77", { labels: { app } })] }), { namespace: "a" });
    configurations.apply({ upserted: [scope, pod("other")], removed: [] });
    const label = (app: string) =>
      configurations
        .apply({ upserted: [pod(app)], removed: [] })
        .changed.map(({ proxy, snapshot }) => [proxy.id, [...snapshot.resources(typeUrl(StringValueSchema)).names()].length > 0]);
    expect(label("shop")).toEqual([["one", false]]);
    expect(label("shop")).toEqual([]);
    expect(label("other")).toEqual([["one", true]]);
  });

  test("of one group share the bytes", () => {
    const configurations = start();
    const other = { ...(first as Proxy), id: "sidecar~10.0.0.77~other.a~x", addresses: ["10.0.0.77"] };
    const [mine, theirs] = [first as Proxy, other].map((proxy) => configurations.add(proxy).snapshot.resources(typeUrl(StringValueSchema)));
    expect(mine?.get(HOSTS[0] ?? "")).toBe(theirs?.get(HOSTS[0] ?? ""));
    expect(second).toBeDefined();
  });

  // What the server makes of a view, it makes once for all who have it.
  test("that are alike are given one snapshot, those that differ one view of each type in which they do not", () => {
    const configurations = start();
    const named = (name: string, address: string) => ({ ...(first as Proxy), id: name, addresses: [address] });
    const listing = (object: MeshObject) => service(object, HOSTS[1] ?? "", { endpoints: [endpoint("10.0.0.99")] });
    configurations.apply({ upserted: [contributed("s9", (object) => ({ services: [listing(object)] }), { namespace: "a" })], removed: [] });
    const [one, two, other] = [named("one", "10.0.0.77"), named("two", "10.0.0.78"), named("other", "10.0.0.99")].map(
      (proxy) => configurations.add(proxy).snapshot,
    );
    expect(two).toBe(one);
    expect(other).not.toBe(one);
    for (const { schema } of TYPES) {
      const isOwn = [...(other?.resources(typeUrl(schema)).names() ?? [])].some((name) => name.startsWith("inbound"));
      expect(other?.resources(typeUrl(schema)) === one?.resources(typeUrl(schema))).toBe(!isOwn);
    }
    const { changed } = configurations.apply({ upserted: [weighted(2)], removed: [] });
    expect(new Set(changed.map(({ snapshot }) => snapshot)).size).toBe(2);
  });

  test("are told of what differs, and of nothing else", () => {
    const configurations = start();
    configurations.add(first as Proxy);
    const { changed } = configurations.apply({ upserted: [weighted(2)], removed: [] });
    expect(changed.map(({ changes }) => changes)).toEqual([[{ typeUrl: typeUrl(StringValueSchema), names: [HOSTS[0]] }]]);
    expect(configurations.apply({ upserted: [weighted(2)], removed: [] }).changed).toEqual([]);
  });

  test("keep the snapshot that they were given", () => {
    const configurations = start();
    const { snapshot } = configurations.add(first as Proxy);
    const before = snapshot.resources(typeUrl(StringValueSchema)).get(HOSTS[0] ?? "");
    configurations.apply({ upserted: [weighted(2)], removed: [] });
    expect(snapshot.resources(typeUrl(StringValueSchema)).get(HOSTS[0] ?? "")).toBe(before);
  });

  test("keep the last good resources of a unit that cannot be translated, and get the others", () => {
    const broken: XdsType<typeof StringValueSchema> = {
      ...BY_HOST,
      translate(view, unit) {
        if (view.routing(unit)?.http[0]?.timeout === 2) throw new Error("not for this");
        return BY_HOST.translate(view, unit);
      },
    };
    const configurations = new Configurations([broken], start().mesh);
    const before = configurations
      .add(first as Proxy)
      .snapshot.resources(typeUrl(StringValueSchema))
      .get(HOSTS[0] ?? "");
    const more = contributed("s1", (object) => ({ services: [service(object, HOSTS[1] ?? "", { ports: [] })] }), { namespace: "a" });
    const { failures, changed } = configurations.apply({ upserted: [weighted(2), more], removed: [] });
    expect(failures).toMatchObject([{ type: "by-host", unit: HOSTS[0] }]);
    expect(changed[0]?.changes).toEqual([{ typeUrl: typeUrl(StringValueSchema), names: [HOSTS[1]] }]);
    const now = changed[0]?.snapshot.resources(typeUrl(StringValueSchema)).get(HOSTS[0] ?? "");
    expect(now).toBe(before);
    const after = configurations.apply({ upserted: [weighted(3)], removed: [] });
    const text = after.changed[0]?.snapshot.resources(typeUrl(StringValueSchema)).get(HOSTS[0] ?? "")?.value;
    expect(fromBinary(StringValueSchema, text ?? new Uint8Array()).value).toContain(",3]");
  });
});
