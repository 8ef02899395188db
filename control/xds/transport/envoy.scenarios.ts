import { describe, expect, test } from "vitest";
import { binaryProvider, type Bootstrap, type StartedEnvoy } from "../../../harness/envoy/index.ts";
import { startUpstream } from "../../../harness/upstreams/index.ts";
import { ENDPOINT, FILTER, MapSnapshot, ROUTE } from "../server/testing/snapshot.ts";
import { TestControl } from "./testing/control.ts";
import { endpoints, filter, meshOf, route } from "./testing/mesh.ts";

const VARIANTS = [
  { variant: "delta", apiType: "AGGREGATED_DELTA_GRPC", adsType: "DELTA_GRPC" },
  { variant: "sotw", apiType: "AGGREGATED_GRPC", adsType: "GRPC" },
] as const;

/** A bootstrap as `meshwright bootstrap` and istiod's agents write it: everything over one stream. */
function bootstrap(port: number, adsType: string): Bootstrap {
  const source = { ads: {}, resource_api_version: "V3" };
  return {
    node: { id: "sidecar~127.0.0.1~test.default~default.svc.cluster.local", cluster: "test" },
    dynamic_resources: {
      ads_config: {
        api_type: adsType,
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "control" } }],
      },
      lds_config: source,
      cds_config: source,
    },
    static_resources: {
      clusters: [
        {
          name: "control",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: "control",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }] }],
          },
        } as never,
      ],
    },
  };
}

async function get(envoy: StartedEnvoy, host: string) {
  const { port } = (await envoy.admin.listeners()).get("main") ?? { port: 0 };
  const { request } = await import("undici");
  const { statusCode, headers, body } = await request(`http://127.0.0.1:${port}/`, { headers: { host } });
  return { status: statusCode, config: headers["x-config"], body: await body.text() };
}

function named(name: string) {
  return startUpstream({ script: () => ({ body: name }) });
}

describe.each(VARIANTS)("Envoy over $variant ADS", ({ adsType }) => {
  test("gets listeners, scopes, routes, clusters, endpoints and filters, and what changes", async () => {
    await using a = await named("a");
    await using b = await named("b");
    await using control = await TestControl.start(new MapSnapshot("1", meshOf({ "a.test": a.port, "b.test": b.port })));
    await using envoy = await binaryProvider.start(bootstrap(control.listener.port, adsType));
    await control.settled();
    expect(await get(envoy, "a.test")).toEqual({ status: 200, config: "1", body: "a" });
    expect(await get(envoy, "b.test")).toEqual({ status: 200, config: "1", body: "b" });
    expect(control.server.status()[0]?.types.map(({ state }) => state)).toEqual([...Array<string>(6).fill("SYNCED"), "NOT SENT"]);

    await control.push({ [ROUTE]: [route("a.test", "b.test"), route("b.test", "b.test")] });
    expect(await get(envoy, "a.test")).toMatchObject({ body: "b" });
    await control.push({ [ENDPOINT]: [endpoints("a.test", [a.port]), endpoints("b.test", [a.port])] });
    expect(await get(envoy, "b.test")).toMatchObject({ body: "a" });
    await control.push({ [FILTER]: [filter("2")] });
    expect(await get(envoy, "b.test")).toMatchObject({ config: "2" });
  });
});
