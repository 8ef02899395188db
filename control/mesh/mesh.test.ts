import { describe, expect, test } from "vitest";
import type { Client, MeshObject } from "../model/index.ts";
import { Reads } from "./cell.ts";
import { patternsOf } from "./host-patterns.ts";
import { Mesh } from "./mesh.ts";
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
  workload,
} from "./testing/contributions.ts";
import { meshOf, viewOf } from "./testing/view.ts";

const REVIEWS = "reviews.default.svc.cluster.local";
const RATINGS = "ratings.default.svc.cluster.local";

test("patterns of a host go from itself to the widest", () => {
  expect([...patternsOf("a.b.c")]).toEqual(["a.b.c", "*.b.c", "*.c", "*"]);
  expect([...patternsOf("*.b.c")]).toEqual(["*.b.c", "*.c", "*"]);
  expect([...patternsOf("a")]).toEqual(["a", "*"]);
  expect([...patternsOf("*")]).toEqual(["*"]);
});

describe("services", () => {
  test("of two namespaces with one host, a client gets its own, else the oldest", () => {
    const mesh = meshOf(
      contributed("young", (object) => ({ services: [service(object, "db.example.com")] }), { namespace: "a", created: 2 }),
      contributed("old", (object) => ({ services: [service(object, "db.example.com")] }), { namespace: "b", created: 1 }),
    );
    expect(viewOf(mesh, { namespace: "a" }).service("db.example.com")?.namespace).toBe("a");
    expect(viewOf(mesh, { namespace: "c" }).service("db.example.com")?.namespace).toBe("b");
  });

  test("exportTo keeps a service from others", () => {
    const mesh = meshOf(contributed("s", (object) => ({ services: [service(object, REVIEWS, { exportTo: ["."] })] })));
    expect(viewOf(mesh).hosts()).toEqual([REVIEWS]);
    expect(viewOf(mesh, { namespace: "other" }).hosts()).toEqual([]);
    expect(viewOf(mesh, { namespace: "other" }).service(REVIEWS)).toBeUndefined();
  });
});

describe("endpoints", () => {
  const selecting = contributed("svc", (object) => ({ services: [service(object, REVIEWS, { selector: { app: "reviews" } })] }));
  const pod = (name: string, address: string, more: Partial<Parameters<typeof workload>[2] & object> = {}) => {
    const object = contributed(name, (self) => ({
      workloads: [workload({ ...self, kind: "Pod" }, address, { labels: { app: "reviews" }, ...more })],
    }));
    return object;
  };

  test("without slices are the workloads that the selector picks", () => {
    const mesh = meshOf(selecting, pod("b", "10.0.0.2"), pod("a", "10.0.0.1"), pod("c", "10.0.0.3", { labels: { app: "other" } }));
    expect(
      viewOf(mesh)
        .endpoints(REVIEWS)
        .map(({ address, ports }) => [address, ports]),
    ).toEqual([
      ["10.0.0.1", { http: 8080 }],
      ["10.0.0.2", { http: 8080 }],
    ]);
  });

  test("a target port by name is that of the workload", () => {
    const named = contributed("svc", (object) => ({
      services: [
        service(object, REVIEWS, {
          selector: { app: "reviews" },
          ports: [{ name: "http", number: 80, protocol: "http", targetPort: "web" }],
        }),
      ],
    }));
    expect(viewOf(meshOf(named, pod("a", "10.0.0.1", { ports: { web: 9080 } }))).endpoints(REVIEWS)[0]?.ports).toEqual({ http: 9080 });
  });

  test("a port of a pod that only happens to have the name of the service's is not meant, and a name that no port of it has is nowhere", () => {
    const ports = [
      { name: "http", number: 80, protocol: "http" as const, targetPort: 9080 },
      { name: "admin", number: 81, protocol: "http" as const, targetPort: "missing" },
    ];
    const both = contributed("svc", (object) => ({
      services: [service({ ...object, kind: "Service" }, REVIEWS, { selector: { app: "reviews" }, ports })],
    }));
    const mesh = meshOf(both, pod("a", "10.0.0.1", { ports: { http: 8080 } }));
    expect(viewOf(mesh).endpoints(REVIEWS)[0]?.ports).toEqual({ http: 9080 });
    const inbound = viewOf(mesh, { addresses: ["10.0.0.1"] }).inbound().ports;
    expect(inbound.map(({ port, targetPort }) => [port.name, targetPort])).toEqual([["http", 9080]]);
  });

  test("slices count where there are some, and take labels and identity from the workload of the address", () => {
    const slice = contributed("slice", (object) => ({
      endpoints: [{ host: REVIEWS, namespace: "default", endpoints: [endpoint("10.0.0.7", { ports: { http: 9080 } })], object }],
    }));
    const mesh = meshOf(
      selecting,
      slice,
      pod("a", "10.0.0.1"),
      pod("seven", "10.0.0.7", { labels: { app: "reviews", version: "v7" }, serviceAccount: "seven" }),
    );
    expect(viewOf(mesh).endpoints(REVIEWS)).toMatchObject([
      { address: "10.0.0.7", labels: { version: "v7" }, serviceAccount: "seven", ports: { http: 9080 } },
    ]);
  });

  test("who is not ready gets nothing, unless the service says so", () => {
    const unready = pod("a", "10.0.0.1", { ready: false });
    expect(viewOf(meshOf(selecting, unready)).endpoints(REVIEWS)).toEqual([]);
    const publishing = contributed("svc", (object) => ({
      services: [service(object, REVIEWS, { selector: { app: "reviews" }, publishNotReady: true })],
    }));
    expect(viewOf(meshOf(publishing, unready)).endpoints(REVIEWS)).toHaveLength(1);
  });

  test("a workload touches the endpoints of those that select it, and of nobody else", () => {
    const other = contributed("other", (object) => ({ services: [service(object, RATINGS, { selector: { app: "ratings" } })] }));
    const { touched } = meshOf(selecting, other).apply({ upserted: [pod("a", "10.0.0.1")], removed: [] });
    expect([...touched].sort()).toEqual(["address 10.0.0.1", `endpoints ${REVIEWS}`, `identities ${REVIEWS}`]);
  });
});

describe("routing", () => {
  const to = (name: string, hosts: readonly string[], target: string, more = {}, options: { namespace?: string; created?: number } = {}) =>
    contributed(name, (object) => ({ routings: [routing(object, hosts, [httpRoute(object, target)], more)] }), options);
  const target = (mesh: Mesh, client: Partial<Client> = {}, host = REVIEWS) =>
    viewOf(mesh, client).routing(host)?.http[0]?.route[0]?.destination.host;

  test("the most specific host counts, then the oldest object", () => {
    const mesh = meshOf(
      to("wide", ["*.cluster.local"], "wide", {}, { created: 1 }),
      to("young", [REVIEWS], "young", {}, { created: 3 }),
      to("old", [REVIEWS], "old", {}, { created: 2 }),
    );
    expect(target(mesh)).toBe("old");
    expect(target(mesh, {}, RATINGS)).toBe("wide");
    expect(viewOf(mesh).routing("unknown.example.com")).toBeUndefined();
  });

  test("is only that of objects which the client sees and which are bound to the mesh", () => {
    const mesh = meshOf(
      to("private", [REVIEWS], "private", { exportTo: ["."] }),
      to("gateway", [RATINGS], "gateway", { gateways: ["default/gw"] }),
    );
    expect(target(mesh)).toBe("private");
    expect(target(mesh, { namespace: "other" })).toBeUndefined();
    expect(target(mesh, {}, RATINGS)).toBeUndefined();
  });

  test("matches for other clients and gateways are gone", () => {
    const object = contributed("r", (self) => ({
      routings: [
        routing(
          self,
          [REVIEWS],
          [
            httpRoute(self, "for-app", { match: [httpMatch({ sourceLabels: { app: "one" } })] }),
            httpRoute(self, "for-namespace", { match: [httpMatch({ sourceNamespace: "two" }), httpMatch({ gateways: ["default/gw"] })] }),
            httpRoute(self, "all"),
          ],
          { gateways: ["mesh", "default/gw"] },
        ),
      ],
    }));
    const mesh = meshOf(object);
    const targets = (client: Partial<Client>) =>
      viewOf(mesh, client)
        .routing(REVIEWS)
        ?.http.map(({ route }) => route[0]?.destination.host);
    expect(targets({})).toEqual(["all"]);
    expect(targets({ labels: { app: "one" } })).toEqual(["for-app", "all"]);
    expect(targets({ namespace: "two" })).toEqual(["for-namespace", "all"]);
    expect(viewOf(mesh).routing(REVIEWS)).toBe(viewOf(mesh).routing(REVIEWS));
  });

  test("a delegate stands in the place of the route that names it, where its matches lie within", () => {
    const root = contributed("root", (self) => ({
      routings: [
        routing(
          self,
          [REVIEWS],
          [
            httpRoute(self, "", { match: [httpMatch({ uri: { prefix: "/v1" } })], delegate: { namespace: "team", name: "delegate" } }),
            httpRoute(self, "", { match: [httpMatch({ uri: { prefix: "/gone" } })], delegate: { namespace: "team", name: "missing" } }),
            httpRoute(self, "rest"),
          ],
        ),
      ],
    }));
    const delegate = contributed(
      "delegate",
      (self) => ({
        routings: [
          routing(
            self,
            [],
            [
              httpRoute(self, "inside", { match: [httpMatch({ uri: { exact: "/v1/a" }, method: { exact: "GET" } })] }),
              httpRoute(self, "outside", { match: [httpMatch({ uri: { prefix: "/v2" } })] }),
              httpRoute(self, "whole"),
            ],
          ),
        ],
      }),
      { namespace: "team" },
    );
    const reads = new Reads();
    const found = viewOf(meshOf(root, delegate), { reads }).routing(REVIEWS)?.http;
    expect(found?.map(({ route, match }) => [route[0]?.destination.host, match.map(({ uri }) => uri)])).toEqual([
      ["inside", [{ exact: "/v1/a" }]],
      ["whole", [{ prefix: "/v1" }]],
      ["rest", []],
    ]);
    expect(reads.cells).toContain("routing object team/delegate");
    expect(reads.cells).toContain("routing object team/missing");
  });

  test("hosts of routings that are no service are known to sidecars, unless they cover one", () => {
    const mesh = meshOf(
      contributed("reviews", (object) => ({ services: [service(object, REVIEWS)] })),
      to("a", [REVIEWS, "shop.example.com"], "a"),
      to("b", ["*.cluster.local"], "b"),
      to("c", ["only.gateway.com"], "c", { gateways: ["default/gw"] }),
    );
    expect(viewOf(mesh).routedHosts()).toEqual(["shop.example.com"]);
  });
});

describe("gateways", () => {
  const gw = contributed("gw", (object) => ({ gateways: [gateway(object, [["*", "*.example.com"]])] }));
  const route = (name: string, hosts: readonly string[], target: string, match: ReturnType<typeof httpMatch>[], options = {}) =>
    contributed(
      name,
      (object) => ({ routings: [routing(object, hosts, [httpRoute(object, target, { match })], { gateways: ["default/gw"] })] }),
      options,
    );
  const router = { type: "router" as const, labels: { app: "gateway" } };

  test("pick proxies by their labels", () => {
    expect(
      viewOf(meshOf(gw), router)
        .gateways()
        .map(({ name }) => name),
    ).toEqual(["gw"]);
    expect(viewOf(meshOf(gw), { type: "router" }).gateways()).toEqual([]);
  });

  test("serve the hosts that both a server and a routing have", () => {
    const mesh = meshOf(
      gw,
      route("a", ["a.example.com", "a.example.org"], "a", []),
      route("b", ["*.b.example.com"], "b", []),
      route("c", ["*"], "c", []),
    );
    expect(viewOf(mesh, router).gatewayHosts("default/gw")).toEqual(["*.b.example.com", "*.example.com", "a.example.com"]);
    expect(viewOf(mesh, router).gatewayRouting("default/gw", "a.example.org")).toBeUndefined();
  });

  test("have the routings of a host by age, and those of a wildcard only for the wildcard", () => {
    const mesh = meshOf(
      gw,
      route("old", ["a.example.com"], "catch-all", [], { created: 1 }),
      route("young", ["a.example.com"], "special", [httpMatch({ uri: { prefix: "/x" } })], { created: 2 }),
      route("wide", ["*.example.com"], "wide", [], { created: 0 }),
    );
    const http = viewOf(mesh, router).gatewayRouting("default/gw", "a.example.com")?.http;
    expect(http?.map((routes) => routes.map(({ route: [first] }) => first?.destination.host))).toEqual([["catch-all"], ["special"]]);
  });

  test("take routings only from the namespaces that a server names", () => {
    const own = contributed("gw", (object) => ({ gateways: [gateway(object, [[".", "*.example.com"]])] }));
    const mesh = meshOf(own, route("stranger", ["a.example.com"], "a", [], { namespace: "other" }));
    expect(viewOf(mesh, router).gatewayHosts("default/gw")).toEqual([]);
    expect(viewOf(mesh, router).gatewayRouting("default/gw", "a.example.com")).toBeUndefined();
  });
});

test("a proxy has the labels of the workload at its address, on the loopback interface only of its own name", () => {
  const at = (address: string) => contributed("pod", (object) => ({ workloads: [workload(object, address, { labels: { app: "pod" } })] }));
  const said = (mesh: Mesh, address: string, name: string) => mesh.saidOf({ namespace: "default", addresses: [address], name }).labels;
  expect(said(meshOf(at("10.0.0.9")), "10.0.0.9", "other")).toEqual({ app: "pod" });
  expect(said(meshOf(at("127.0.0.1")), "127.0.0.1", "other")).toBeUndefined();
  expect(said(meshOf(at("127.0.0.1")), "127.0.0.1", "pod")).toEqual({ app: "pod" });
});

test("inbound ports are those of the services that select the workload, or list its address", () => {
  const mesh = meshOf(
    contributed("pod", (object) => ({ workloads: [workload(object, "10.0.0.9", { labels: { app: "reviews" }, ports: { web: 9080 } })] })),
    contributed("selecting", (object) => ({
      services: [
        service(object, REVIEWS, {
          selector: { app: "reviews" },
          ports: [{ name: "http", number: 80, protocol: "http", targetPort: "web" }],
        }),
      ],
    })),
    contributed("listing", (object) => ({
      services: [service(object, RATINGS)],
      endpoints: [{ host: RATINGS, namespace: "default", endpoints: [endpoint("10.0.0.9", { ports: { http: 9090 } })], object }],
    })),
    contributed("entry", (object) => ({
      services: [service(object, "entry.example.com", { endpoints: [endpoint("10.0.0.9", { ports: { http: 7070 } })] })],
    })),
    contributed("elsewhere", (object) => ({
      services: [service(object, "elsewhere.example.com", { endpoints: [endpoint("10.0.0.8", { ports: { http: 7070 } })] })],
    })),
    contributed("other", (object) => ({ services: [service(object, "other.default.svc.cluster.local", { selector: { app: "other" } })] })),
  );
  const { ports } = viewOf(mesh).inbound();
  expect(ports.map(({ service: { host }, targetPort }) => [host, targetPort])).toEqual([
    [REVIEWS, 9080],
    [RATINGS, 9090],
    ["entry.example.com", 7070],
  ]);
});

describe("a change", () => {
  test("of a weight touches its host alone", () => {
    const weighted = (weight: number) =>
      contributed("r", (object) => ({ routings: [routing(object, [REVIEWS], [{ ...httpRoute(object, RATINGS), timeout: weight }])] }));
    const { touched } = meshOf(weighted(1)).apply({ upserted: [weighted(2)], removed: [] });
    expect([...touched].sort()).toEqual(["routing object default/r", `routing ${REVIEWS}`]);
  });

  test("of a name touches who lists names", () => {
    const { touched } = meshOf().apply({
      upserted: [contributed("s", (object) => ({ services: [service(object, REVIEWS)] }))],
      removed: [],
    });
    expect(touched).toContain("hosts");
  });

  test("leaves the mesh before it as it was", () => {
    const before = meshOf(contributed("s", (object) => ({ services: [service(object, REVIEWS)] })));
    const { mesh } = before.apply({ upserted: [], removed: ["Contributed/default/s"] });
    expect(mesh.services()).toEqual([]);
    expect(before.services()).toHaveLength(1);
  });

  test("of the settings has every object contribute again", () => {
    const reading = {
      ...CONTRIBUTED,
      kind: "Reading",
      contribute: (object: MeshObject, { domainSuffix }: typeof SETTINGS) => ({ services: [service(object, `a.${domainSuffix}`)] }),
    };
    const mesh = Mesh.empty([reading, CONTRIBUTED], SETTINGS).apply({
      upserted: [{ ...contributed("s", () => ({})), kind: "Reading" }],
      removed: [],
    }).mesh;
    expect(mesh.services().map(({ host }) => host)).toEqual(["a.cluster.local"]);
    const other = mesh.apply({
      upserted: [contributed("settings", () => ({ settings: { ...SETTINGS, domainSuffix: "other" } }))],
      removed: [],
    });
    expect(other.mesh.services().map(({ host }) => host)).toEqual(["a.other"]);
    expect(other.touched).toContain("settings");
    const back = other.mesh.apply({ upserted: [], removed: ["Contributed/default/settings"] });
    expect(back.mesh.services().map(({ host }) => host)).toEqual(["a.cluster.local"]);
  });
});
