import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { httpFilter, patch, PatchedProxy, ROUTER } from "./testing/patched-proxy.ts";

// The examples of Istio's reference for EnvoyFilter and of its task for rate limits, with the same patches, in a real Envoy. Where Istio's pages still have fields of Envoy's second API, those of the third.

const INBOUND = { context: "SIDECAR_INBOUND" };
const type = (name: string) => `type.googleapis.com/envoy.extensions.filters.${name}`;

describe("Istio's examples", () => {
  let sidecar: PatchedProxy;
  let internal: Upstream;

  beforeAll(async () => {
    internal = await startUpstream({ script: ({ path }) => ({ status: path === "/acl" ? 200 : 404, headers: [["x-user", "alice"]] }) });
    sidecar = await PatchedProxy.start({ metadata: { LABELS: { app: "reviews" } } });
  });
  afterAll(async () => {
    await sidecar?.[Symbol.asyncDispose]();
    await internal?.[Symbol.asyncDispose]();
  });

  test("custom-protocol: a filter before tcp_proxy, and an idle timeout for every HTTP connection", async () => {
    await sidecar.apply([
      {
        applyTo: "NETWORK_FILTER",
        match: {
          context: "SIDECAR_OUTBOUND",
          listener: { portNumber: 9307, filterChain: { filter: { name: "envoy.filters.network.tcp_proxy" } } },
        },
        patch: {
          operation: "INSERT_BEFORE",
          value: {
            name: "custom_protocol",
            typed_config: {
              "@type": type("network.connection_limit.v3.ConnectionLimit"),
              stat_prefix: "custom_protocol",
              max_connections: 100,
            },
          },
        },
      },
      {
        applyTo: "NETWORK_FILTER",
        match: { listener: { filterChain: { filter: { name: "envoy.filters.network.http_connection_manager" } } } },
        patch: {
          operation: "MERGE",
          value: {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type": type("network.http_connection_manager.v3.HttpConnectionManager"),
              common_http_protocol_options: { idle_timeout: "30s" },
            },
          },
        },
      },
    ]);
    await expect.poll(() => sidecar.bytes(), { timeout: 10_000 }).toBe("200");
    const counted = async () => {
      await sidecar.bytes();
      return Object.keys((await sidecar.proxy.envoy.admin.stats("connection_limit.custom_protocol.active_connections")).values).length;
    };
    await expect.poll(counted, { timeout: 10_000 }).toBeGreaterThan(0);
    expect((await sidecar.outbound()).status).toBe(200);
  });

  test("reviews-lua: a Lua filter for requests to the workload, which asks a cluster of its own", async () => {
    await sidecar.apply([
      {
        applyTo: "HTTP_FILTER",
        match: { context: "SIDECAR_INBOUND", listener: { portNumber: 8080 } },
        patch: {
          operation: "ADD",
          filterClass: "AUTHZ",
          value: {
            name: "envoy.filters.http.lua",
            typed_config: {
              "@type": type("http.lua.v3.Lua"),
              inlineCode: `
                function envoy_on_request(request_handle)
                  local headers, body = request_handle:httpCall(
                    "lua_cluster",
                    { [":method"] = "POST", [":path"] = "/acl", [":authority"] = "internal.org.net" },
                    "authorize call",
                    5000)
                  request_handle:headers():add("x-user", headers["x-user"])
                end`,
            },
          },
        },
      },
      {
        applyTo: "CLUSTER",
        match: { context: "SIDECAR_OUTBOUND" },
        patch: {
          operation: "ADD",
          value: {
            name: "lua_cluster",
            type: "STRICT_DNS",
            connect_timeout: "0.5s",
            lb_policy: "ROUND_ROBIN",
            load_assignment: {
              cluster_name: "lua_cluster",
              endpoints: [
                {
                  lb_endpoints: [
                    { endpoint: { address: { socket_address: { protocol: "TCP", address: "127.0.0.1", port_value: internal.port } } } },
                  ],
                },
              ],
            },
          },
        },
      },
    ]);
    await expect.poll(async () => (await sidecar.inbound()).seen?.headers["x-user"], { timeout: 10_000 }).toBe("alice");
  });

  test("filter-local-ratelimit-svc: four requests a minute, and 429 for the fifth", async () => {
    await sidecar.apply([
      {
        applyTo: "HTTP_FILTER",
        match: {
          context: "SIDECAR_INBOUND",
          listener: { filterChain: { filter: { name: "envoy.filters.network.http_connection_manager" } } },
        },
        patch: {
          operation: "INSERT_BEFORE",
          value: {
            name: "envoy.filters.http.local_ratelimit",
            typed_config: {
              "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
              type_url: type("http.local_ratelimit.v3.LocalRateLimit"),
              value: {
                stat_prefix: "http_local_rate_limiter",
                token_bucket: { max_tokens: 4, tokens_per_fill: 4, fill_interval: "600s" },
                filter_enabled: { runtime_key: "local_rate_limit_enabled", default_value: { numerator: 100, denominator: "HUNDRED" } },
                filter_enforced: { runtime_key: "local_rate_limit_enforced", default_value: { numerator: 100, denominator: "HUNDRED" } },
                response_headers_to_add: [
                  { append_action: "OVERWRITE_IF_EXISTS_OR_ADD", header: { key: "x-local-rate-limit", value: "true" } },
                ],
              },
            },
          },
        },
      },
    ]);
    const statuses: number[] = [];
    const limited = async () => {
      const { status, headers } = await sidecar.inbound();
      if (status !== 429) statuses.push(status);
      return [status, headers["x-local-rate-limit"]];
    };
    await expect.poll(limited, { timeout: 10_000, interval: 10 }).toEqual([429, "true"]);
    // The listener's threads may have taken it a request later; none was let past a bucket that is empty.
    expect(statuses.length).toBeGreaterThanOrEqual(4);
    expect(statuses.every((status) => status === 200)).toBe(true);
    expect((await sidecar.inbound()).status).toBe(429);
  });

  test("myns-ext-authz, and its REPLACE for one workload", async () => {
    const authorizer = (cluster_name: string) => ({
      name: "envoy.filters.http.ext_authz",
      typed_config: {
        "@type": type("http.ext_authz.v3.ExtAuthz"),
        http_service: { server_uri: { uri: "http://internal.org.net", cluster: cluster_name, timeout: "1s" }, path_prefix: "/acl?" },
      },
    });
    const cluster = (name: string, port: number) => ({
      name,
      type: "STATIC",
      connect_timeout: "1s",
      load_assignment: {
        cluster_name: name,
        endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }] }],
      },
    });
    const added = patch("HTTP_FILTER", "ADD", undefined, authorizer("acme-ext-authz"), { ...INBOUND, filterClass: "AUTHZ" });
    const clusters = [cluster("acme-ext-authz", 1), cluster("acme-ext-authz-alt", internal.port)].map((each) =>
      patch("CLUSTER", "ADD", undefined, each),
    );
    await sidecar.apply([added, ...clusters]);
    await expect.poll(async () => (await sidecar.inbound()).status, { timeout: 10_000 }).toBe(403);
    const replaced = patch(
      "HTTP_FILTER",
      "REPLACE",
      httpFilter(undefined, "envoy.filters.http.ext_authz"),
      authorizer("acme-ext-authz-alt"),
      INBOUND,
    );
    await sidecar.apply([added, replaced, ...clusters]);
    // It answers 404 for what it does not know, which is what the client gets.
    await expect.poll(async () => (await sidecar.inbound()).status, { timeout: 10_000 }).toBe(404);
  });

  test("wasm-example: an extension by itself, and the filter that names it", async () => {
    const { typed_config } = {
      typed_config: {
        "@type": type("http.lua.v3.Lua"),
        default_source_code: { inline_string: "function envoy_on_request(handle) handle:headers():add('x-user', 'extension') end" },
      },
    };
    await sidecar.apply([
      { applyTo: "EXTENSION_CONFIG", patch: { operation: "ADD", value: { name: "my-extension", typed_config } } },
      patch(
        "HTTP_FILTER",
        "INSERT_BEFORE",
        httpFilter(8080, ROUTER),
        { name: "my-extension", config_discovery: { config_source: { ads: {} }, type_urls: [type("http.lua.v3.Lua")] } },
        INBOUND,
      ),
    ]);
    await expect.poll(async () => (await sidecar.inbound()).seen?.headers["x-user"], { timeout: 10_000 }).toBe("extension");
  });
});
