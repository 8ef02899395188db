import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Question } from "../types/testing/ask.ts";
import {
  answers,
  demands,
  filterOf,
  gate,
  header,
  httpFilter,
  looks,
  lua,
  passes,
  patch,
  PatchedProxy,
  ROUTER,
  teapot,
  tells,
} from "./testing/patched-proxy.ts";

// What patches of EnvoyFilters come to in a real Envoy: everything that they apply to, by every operation that it takes.

const INBOUND = { context: "SIDECAR_INBOUND" };
const GATEWAY = { context: "GATEWAY" };
const TCP = "envoy.filters.network.tcp_proxy";
const BYTES = "outbound|9307||reviews.default.svc.cluster.local";

/** Envoy has taken a listener before its workers have. */
async function eventually<T>(find: () => Promise<T>, expected: T): Promise<void> {
  await expect.poll(find, { timeout: 10_000, interval: 20 }).toEqual(expected);
}

const denies = {
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name: "denies" },
  spec: { action: "DENY", rules: [{ to: [{ operation: { paths: ["/answer"] } }] }] },
};

describe("a sidecar", () => {
  let sidecar: PatchedProxy;

  beforeAll(async () => {
    sidecar = await PatchedProxy.start({ metadata: { LABELS: { app: "client" }, ISTIO_VERSION: "1.29.0", CLUSTER_ID: "east" } });
  });
  afterAll(async () => {
    await sidecar?.[Symbol.asyncDispose]();
  });

  test("goes on without patches", async () => {
    await sidecar.apply([]);
    expect([(await sidecar.outbound()).status, (await sidecar.inbound()).status, await sidecar.bytes()]).toEqual([200, 200, "200"]);
  });

  describe("HTTP_FILTER", () => {
    const at = (operation: string, name: string, target?: string) =>
      patch("HTTP_FILTER", operation, httpFilter(8080, target), tells(name), INBOUND);

    test.each<[string, readonly object[], string | undefined]>([
      ["INSERT_BEFORE", [at("INSERT_BEFORE", "a", ROUTER), at("INSERT_BEFORE", "b", "a")], "b, a"],
      ["INSERT_AFTER", [at("INSERT_BEFORE", "a", ROUTER), at("INSERT_AFTER", "b", "a")], "a, b"],
      ["INSERT_FIRST", [at("INSERT_BEFORE", "a", ROUTER), at("INSERT_FIRST", "b")], "b, a"],
      ["ADD", [at("ADD", "a"), at("ADD", "b")], "a, b"],
      [
        "ADD, of a class, is before those of none",
        [at("ADD", "a"), patch("HTTP_FILTER", "ADD", httpFilter(8080), tells("b"), { ...INBOUND, filterClass: "STATS" })],
        "b, a",
      ],
      ["REPLACE", [at("ADD", "a"), at("REPLACE", "b", "a")], "b"],
      ["REMOVE", [at("ADD", "a"), patch("HTTP_FILTER", "REMOVE", httpFilter(8080, "a"), undefined, INBOUND)], undefined],
      ["MERGE", [at("ADD", "a"), patch("HTTP_FILTER", "MERGE", httpFilter(8080, "a"), tells("b"), INBOUND)], "b"],
      ["of another port", [patch("HTTP_FILTER", "ADD", httpFilter(8081), tells("a"), INBOUND)], undefined],
      ["of the other side", [patch("HTTP_FILTER", "ADD", httpFilter(undefined), tells("a"))], undefined],
    ])("%s", async (_, patches, expected) => {
      await sidecar.apply(patches);
      await eventually(async () => {
        const { status, seen } = await sidecar.inbound();
        return [status, seen?.headers["x-order"]];
      }, [200, expected]);
    });

    test.each<[string, object, number]>([
      ["ADD, of a class, is behind authorization", { ...INBOUND, filterClass: "AUTHN" }, 403],
      ["INSERT_BEFORE istio.stats is behind authorization", { ...INBOUND, before: "istio.stats" }, 403],
      ["INSERT_BEFORE envoy.filters.http.rbac is before it", { ...INBOUND, before: "envoy.filters.http.rbac" }, 418],
      ["INSERT_FIRST is before it", { ...INBOUND, first: true }, 418],
    ])("%s", async (_, { before, first, ...more }: { readonly before?: string; readonly first?: boolean }, expected) => {
      const operation = before !== undefined ? "INSERT_BEFORE" : first === true ? "INSERT_FIRST" : "ADD";
      await sidecar.apply([patch("HTTP_FILTER", operation, httpFilter(8080, before), answers("answers"), more)], [denies]);
      await eventually(async () => (await sidecar.inbound({ path: "/answer" })).status, expected);
    });
  });

  describe("NETWORK_FILTER", () => {
    const at = (operation: string, filter: object | undefined, target?: string) =>
      patch(
        "NETWORK_FILTER",
        operation,
        { listener: { portNumber: 9307, ...(target === undefined ? {} : { filterChain: { filter: { name: target } } }) } },
        filter,
      );

    test.each<[string, readonly object[], string]>([
      ["INSERT_BEFORE", [at("INSERT_BEFORE", gate("a", "DENY"), TCP)], "reset"],
      ["INSERT_BEFORE what is not there", [at("INSERT_BEFORE", gate("a", "DENY"), "b")], "200"],
      ["INSERT_AFTER", [at("ADD", gate("a", "ALLOW")), at("INSERT_AFTER", gate("b", "DENY"), "a")], "reset"],
      ["INSERT_AFTER what ends the chain: left out", [at("INSERT_AFTER", gate("a", "DENY"), TCP)], "200"],
      ["INSERT_FIRST", [at("INSERT_FIRST", gate("a", "DENY"))], "reset"],
      ["REPLACE", [at("ADD", gate("a", "DENY")), at("REPLACE", gate("b", "ALLOW"), "a")], "200"],
      ["ADD, before what ends the chain", [at("ADD", gate("a", "DENY"))], "reset"],
      ["REMOVE", [at("ADD", gate("a", "DENY")), at("REMOVE", undefined, "a")], "200"],
      ["REPLACE what ends the chain", [at("REPLACE", passes("BlackHoleCluster"), TCP)], "reset"],
      ["REPLACE it by another", [at("REPLACE", passes(BYTES), TCP)], "200"],
      ["MERGE", [at("ADD", gate("a", "ALLOW")), at("MERGE", gate("a", "DENY"), "a")], "reset"],
    ])("%s", async (_, patches, expected) => {
      await sidecar.apply(patches);
      await eventually(() => sidecar.bytes(), expected);
    });
  });

  describe("LISTENER", () => {
    const chain = {
      name: "own",
      filter_chain_match: { source_prefix_ranges: [{ address_prefix: "10.9.9.9", prefix_len: 32 }] },
      filters: [passes("BlackHoleCluster")],
    };

    test("MERGE", async () => {
      await sidecar.apply([patch("LISTENER", "MERGE", { listener: { portNumber: 9307 } }, { filter_chains: [chain] })]);
      await eventually(() => sidecar.bytes(), "reset");
    });

    test("ADD", async () => {
      const address = { socket_address: { address: "127.0.0.1", port_value: sidecar.port } };
      await sidecar.apply([patch("LISTENER", "ADD", undefined, { name: "own", address, filter_chains: [{ filters: [passes(BYTES)] }] })]);
      await eventually(() => sidecar.directBytes(), "200");
      await eventually(() => sidecar.bytes(), "200");
    });

    test("REMOVE", async () => {
      await sidecar.apply([patch("LISTENER", "REMOVE", { listener: { name: "10.9.0.1_9307" } })]);
      await eventually(() => sidecar.bytes(), "reset");
      expect((await sidecar.outbound()).status).toBe(200);
    });
  });

  describe("LISTENER_FILTER", () => {
    const at = (operation: string, filter: object | undefined, target?: string) =>
      patch(
        "LISTENER_FILTER",
        operation,
        { listener: { portNumber: 9307, ...(target === undefined ? {} : { listenerFilter: target }) } },
        filter,
      );

    test.each<[string, readonly object[], string]>([
      ["INSERT_AFTER what is not there", [at("INSERT_AFTER", demands("a"), "b")], "200"],
      ["ADD", [at("ADD", demands("a"))], "reset"],
      ["REMOVE", [at("ADD", demands("a")), at("REMOVE", undefined, "a")], "200"],
      ["INSERT_FIRST", [at("INSERT_FIRST", demands("a"))], "reset"],
      ["REPLACE", [at("ADD", demands("a")), at("REPLACE", looks("b"), "a")], "200"],
      ["INSERT_BEFORE", [at("ADD", looks("a")), at("INSERT_BEFORE", demands("b"), "a")], "reset"],
      ["no more", [], "200"],
      ["INSERT_AFTER", [at("ADD", looks("a")), at("INSERT_AFTER", demands("b"), "a")], "reset"],
    ])("%s", async (_, patches, expected) => {
      await sidecar.apply(patches);
      await eventually(() => sidecar.bytes(), expected);
    });
  });

  describe("FILTER_CHAIN", () => {
    const from = (address_prefix: string) => ({ source_prefix_ranges: [{ address_prefix, prefix_len: 32 }] });
    const at = (operation: string, value?: object) => patch("FILTER_CHAIN", operation, { listener: { portNumber: 9307 } }, value);
    const own = (match: object) => ({ name: "own", ...match, filters: [passes("BlackHoleCluster")] });

    test.each<[string, readonly object[], string]>([
      ["REMOVE of all there are: left out", [at("REMOVE")], "200"],
      ["MERGE", [at("MERGE", { filter_chain_match: from("10.1.1.1") })], "reset"],
      ["ADD, for others", [at("ADD", own({ filter_chain_match: from("10.1.1.1") }))], "200"],
      ["ADD", [at("ADD", own({ filter_chain_match: from("10.9.9.9") }))], "reset"],
      ["ADD of one that takes what another takes: left out", [at("ADD", own({}))], "200"],
    ])("%s", async (_, patches, expected) => {
      await sidecar.apply(patches);
      await eventually(() => sidecar.bytes(), expected);
    });

    test("REMOVE", async () => {
      const chain = { listener: { portNumber: 8080 } };
      await sidecar.apply([patch("FILTER_CHAIN", "REMOVE", chain, undefined, INBOUND)]);
      // The workload's port is then like any that no service speaks of: nobody listens at the proxy's address.
      await eventually(async () => (await sidecar.inbound()).status === 200, false);
    });
  });

  describe("ROUTE_CONFIGURATION", () => {
    test("MERGE", async () => {
      await sidecar.apply([
        patch("ROUTE_CONFIGURATION", "MERGE", { routeConfiguration: { name: "9080" } }, header("outbound")),
        patch("ROUTE_CONFIGURATION", "MERGE", { routeConfiguration: { portNumber: 8080 } }, header("inbound"), INBOUND),
      ]);
      const found = async () => {
        const answers = [await sidecar.outbound(), await sidecar.outbound({ host: "stranger.test" }), await sidecar.inbound()];
        return answers.map(({ status, headers }) => [status, headers["x-patched"]]);
      };
      await eventually(found, [
        [200, "outbound"],
        [502, "outbound"],
        [200, "inbound"],
      ]);
    });
  });

  describe("VIRTUAL_HOST", () => {
    const reviews = { name: "reviews.default.svc.cluster.local:9080" };
    const at = (operation: string, vhost: object | undefined, value?: object) =>
      patch("VIRTUAL_HOST", operation, { routeConfiguration: { portNumber: 9080, ...(vhost === undefined ? {} : { vhost }) } }, value);
    const own = (domain: string) => ({ name: "own", domains: [domain], routes: [teapot("own", "/")] });

    test.each<[string, readonly object[], Question, number]>([
      ["MERGE", [at("MERGE", reviews, { require_tls: "ALL" })], {}, 301],
      ["REMOVE: a host like any that is not known", [at("REMOVE", { domainName: "reviews" })], {}, 502],
      ["REPLACE", [at("REPLACE", reviews, own("reviews"))], {}, 418],
      ["REPLACE, by a host that is written in another way", [at("REPLACE", reviews, own("reviews"))], { host: "REVIEWS" }, 418],
      ["ADD", [at("ADD", undefined, own("own.test"))], { host: "own.test" }, 418],
      ["ADD, with others as they were", [at("ADD", undefined, own("own.test"))], {}, 200],
      ["ADD, of a domain that is there: left out", [at("ADD", undefined, own("*"))], { host: "own.test" }, 502],
    ])("%s", async (_, patches, question, expected) => {
      await sidecar.apply(patches);
      await eventually(async () => (await sidecar.outbound(question)).status, expected);
    });

    test("MERGE and REPLACE, of the workload itself", async () => {
      await sidecar.apply([patch("VIRTUAL_HOST", "MERGE", undefined, header("host"), INBOUND)]);
      await eventually(async () => (await sidecar.inbound()).headers["x-patched"], "host");
      await sidecar.apply([patch("VIRTUAL_HOST", "REPLACE", undefined, own("*"), INBOUND)]);
      await eventually(async () => (await sidecar.inbound()).status, 418);
    });
  });

  describe("HTTP_ROUTE", () => {
    const at = (operation: string, route: object | undefined, value?: object) =>
      patch(
        "HTTP_ROUTE",
        operation,
        { routeConfiguration: { vhost: { name: "reviews.default.svc.cluster.local:9080", ...(route === undefined ? {} : { route }) } } },
        value,
      );
    const all = { name: "all" };

    test.each<[string, readonly object[], string, number]>([
      ["MERGE", [at("MERGE", { action: "REDIRECT" }, { redirect: { response_code: "PERMANENT_REDIRECT" } })], "/old", 308],
      ["REMOVE", [at("REMOVE", { name: "old" })], "/old", 200],
      ["ADD, behind all", [at("ADD", undefined, teapot("a"))], "/a", 200],
      ["ADD", [at("REMOVE", all), at("ADD", undefined, teapot("a"))], "/a", 418],
      ["INSERT_FIRST", [at("INSERT_FIRST", undefined, teapot("a", "/old"))], "/old", 418],
      ["INSERT_FIRST, where a route is there", [at("INSERT_FIRST", all, teapot("a", "/old"))], "/old", 418],
      ["INSERT_FIRST, where it is not", [at("INSERT_FIRST", { name: "other" }, teapot("a", "/old"))], "/old", 301],
      ["INSERT_BEFORE", [at("INSERT_BEFORE", all, teapot("a"))], "/a", 418],
      ["INSERT_AFTER", [at("INSERT_AFTER", all, teapot("a"))], "/a", 200],
      ["INSERT_AFTER another", [at("INSERT_AFTER", { name: "old" }, teapot("a"))], "/a", 418],
    ])("%s", async (_, patches, path, expected) => {
      await sidecar.apply(patches);
      await eventually(async () => (await sidecar.outbound({ path })).status, expected);
    });

    test("of many routes, which Envoy has as a tree", async () => {
      const numbers = Array.from({ length: 100 }, (_, index) => index);
      const many = {
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: { name: "many" },
        spec: {
          hosts: ["many.test"],
          http: numbers.map((each) => ({
            name: `r${each}`,
            match: [{ uri: { prefix: `/${each}/` } }],
            directResponse: { status: 200 + each },
          })),
        },
      };
      const at = (operation: string, route: object | undefined, value?: object) =>
        patch(
          "HTTP_ROUTE",
          operation,
          { routeConfiguration: { vhost: { name: "many.test:80", ...(route === undefined ? {} : { route }) } } },
          value,
        );
      await sidecar.apply(
        [at("REMOVE", { name: "r7" }), at("INSERT_FIRST", undefined, teapot("a", "/8/a"))],
        [
          many,
          {
            apiVersion: "networking.istio.io/v1",
            kind: "ServiceEntry",
            metadata: { name: "ten" },
            spec: {
              hosts: ["ten.test"],
              addresses: ["10.9.0.1"],
              ports: [{ number: 80, name: "http", protocol: "HTTP" }],
              resolution: "NONE",
            },
          },
        ],
      );
      const found = async () => {
        const statuses = [];
        for (const path of ["/7/", "/8/", "/8/a", "/99/", "/50/x", "/"])
          statuses.push((await sidecar.outbound({ host: "many.test", path }, 80)).status);
        return statuses;
      };
      await eventually(found, [404, 208, 418, 299, 250, 404]);
    });
  });

  describe("CLUSTER", () => {
    const reviews = { cluster: { service: "reviews.default.svc.cluster.local", portNumber: 9080 } };
    const tls = {
      name: "tls",
      typed_config: { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext" },
    };

    test.each<[string, readonly object[], number]>([
      ["MERGE", [patch("CLUSTER", "MERGE", reviews, { transport_socket: tls })], 503],
      ["MERGE, by another port", [patch("CLUSTER", "MERGE", { cluster: { portNumber: 9081 } }, { transport_socket: tls })], 200],
      ["REMOVE", [patch("CLUSTER", "REMOVE", { cluster: { name: "outbound|9080||reviews.default.svc.cluster.local" } })], 503],
      ["for proxies of other versions", [patch("CLUSTER", "REMOVE", { ...reviews, proxy: { proxyVersion: "^1\\.2[0-8]" } })], 200],
      [
        "for proxies of this version",
        [patch("CLUSTER", "REMOVE", { ...reviews, proxy: { proxyVersion: "^1\\.29", metadata: { CLUSTER_ID: "east" } } })],
        503,
      ],
      ["for proxies with other metadata", [patch("CLUSTER", "REMOVE", { ...reviews, proxy: { metadata: { CLUSTER_ID: "west" } } })], 200],
      ["that would not be valid: left out", [patch("CLUSTER", "MERGE", reviews, { connect_timeout: "0s" })], 200],
    ])("%s", async (_, patches, expected) => {
      await sidecar.apply(patches);
      await eventually(async () => (await sidecar.outbound()).status, expected);
    });

    test("MERGE, of the workload itself", async () => {
      await sidecar.apply([patch("CLUSTER", "MERGE", { cluster: { name: "inbound|8080||" } }, { transport_socket: tls }, INBOUND)]);
      await eventually(async () => (await sidecar.inbound()).status, 503);
    });

    test("ADD", async () => {
      const cluster = {
        name: "lua_cluster",
        type: "STATIC",
        connect_timeout: "0.5s",
        load_assignment: {
          cluster_name: "lua_cluster",
          endpoints: [
            { lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: sidecar.app.port } } } }] },
          ],
        },
      };
      const route = { name: "own", match: { prefix: "/" }, route: { cluster: "lua_cluster", prefix_rewrite: "/own" } };
      const where = { routeConfiguration: { vhost: { domainName: "reviews" } } };
      await sidecar.apply([patch("CLUSTER", "ADD", undefined, cluster), patch("HTTP_ROUTE", "INSERT_FIRST", where, route)]);
      await eventually(async () => (await sidecar.outbound()).seen?.path, "/own");
    });
  });

  test("EXTENSION_CONFIG: ADD", async () => {
    const { typed_config } = tells("discovered") as { readonly typed_config: object };
    const config_discovery = {
      config_source: { ads: {}, resource_api_version: "V3" },
      type_urls: ["type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"],
    };
    await sidecar.apply([
      patch("EXTENSION_CONFIG", "ADD", undefined, { name: "own", typed_config }, INBOUND),
      patch("HTTP_FILTER", "ADD", httpFilter(8080), { name: "own", config_discovery }, { ...INBOUND, filterClass: "AUTHZ" }),
    ]);
    await eventually(async () => (await sidecar.inbound()).seen?.headers["x-order"], "discovered");
  });

  test("is patched by those that select it, by priority", async () => {
    const at = (name: string) => [patch("HTTP_FILTER", "ADD", httpFilter(8080), tells(name), INBOUND)];
    await sidecar.apply(at("b"), [
      filterOf(at("c"), { priority: 5 }, "c"),
      filterOf(at("a"), { priority: -5, workloadSelector: { labels: { app: "client" } } }, "a"),
      filterOf(at("d"), { workloadSelector: { labels: { app: "other" } } }, "d"),
    ]);
    await eventually(async () => (await sidecar.inbound()).seen?.headers["x-order"], "a, b, c");
  });
});

describe("a gateway", () => {
  let gateway: PatchedProxy;

  beforeAll(async () => {
    gateway = await PatchedProxy.start({
      nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local",
      metadata: { LABELS: { app: "ingress" } },
    });
  });
  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
  });

  test("HTTP_FILTER: INSERT_BEFORE, and MERGE of its router", async () => {
    await gateway.apply([
      patch("HTTP_FILTER", "INSERT_BEFORE", httpFilter(gateway.port, ROUTER), tells("gateway"), GATEWAY),
      patch("HTTP_FILTER", "INSERT_FIRST", httpFilter(undefined), lua("other", "handle:respond({}, '')"), INBOUND),
    ]);
    await eventually(async () => (await gateway.direct()).seen?.headers["x-order"], "gateway");
  });

  test("ROUTE_CONFIGURATION and VIRTUAL_HOST: MERGE", async () => {
    await gateway.apply([
      patch("ROUTE_CONFIGURATION", "MERGE", { routeConfiguration: { name: `http.${gateway.port}` } }, header("routes"), GATEWAY),
      patch(
        "VIRTUAL_HOST",
        "MERGE",
        { routeConfiguration: { portNumber: gateway.port, vhost: { domainName: "app.example.com" } } },
        { ...header("host") },
        GATEWAY,
      ),
    ]);
    await eventually(async () => (await gateway.direct()).headers["x-patched"], "host, routes");
  });

  test("VIRTUAL_HOST: ADD, and HTTP_ROUTE: INSERT_FIRST", async () => {
    const own = { name: "own", domains: ["own.example.com"], routes: [teapot("own", "/")] };
    await gateway.apply([
      patch("VIRTUAL_HOST", "ADD", undefined, own, GATEWAY),
      patch("HTTP_ROUTE", "INSERT_FIRST", { routeConfiguration: { vhost: { domainName: "app.example.com" } } }, teapot("first"), GATEWAY),
    ]);
    const found = async () => {
      const answers = [await gateway.direct(), await gateway.direct({ path: "/first" }), await gateway.direct({ host: "own.example.com" })];
      return answers.map(({ status }) => status);
    };
    await eventually(found, [200, 418, 418]);
  });

  test("NETWORK_FILTER: MERGE", async () => {
    const manager = {
      "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      server_name: "patched",
    };
    await gateway.apply([
      patch(
        "NETWORK_FILTER",
        "MERGE",
        httpFilter(gateway.port),
        { name: "envoy.filters.network.http_connection_manager", typed_config: manager },
        GATEWAY,
      ),
    ]);
    await eventually(async () => (await gateway.direct()).headers["server"], "patched");
  });
});
