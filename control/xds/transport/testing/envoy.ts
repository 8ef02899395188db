import type { JsonValue } from "@bufbuild/protobuf";
import { request } from "undici";
import type { Bootstrap, StartedEnvoy } from "../../../../harness/envoy/index.ts";

/** How an Envoy gets its configuration: the type of the stream, and whether each type has one of its own. */
export interface Delivery {
  readonly apiType: "GRPC" | "DELTA_GRPC";
  readonly aggregated: boolean;
}

function stream(apiType: Delivery["apiType"]) {
  const grpc_services = [{ envoy_grpc: { cluster_name: "control" } }];
  return { api_type: apiType, transport_api_version: "V3", set_node_on_first_message_only: true, grpc_services };
}

/** Envoy's source of a resource type, in JSON. */
export function configSource({ apiType, aggregated }: Delivery): Readonly<Record<string, JsonValue>> {
  const initial = { resource_api_version: "V3", initial_fetch_timeout: "15s" };
  return aggregated ? { ads: {}, ...initial } : { api_config_source: stream(apiType), ...initial };
}

/** A bootstrap with everything from a control service at `port`, as `meshwright bootstrap` and istiod's agents write it. */
export function bootstrap(port: number, delivery: Delivery, id = "sidecar~127.0.0.1~test.default~default.svc.cluster.local"): Bootstrap {
  const source = configSource(delivery);
  return {
    node: { id, cluster: "test" },
    dynamic_resources: { ...(delivery.aggregated ? { ads_config: stream(delivery.apiType) } : {}), lds_config: source, cds_config: source },
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
        },
      ],
    },
  };
}

/** What a request for `host` gets through the listener `main`. */
export async function get(envoy: StartedEnvoy, host: string) {
  const { port } = (await envoy.admin.listeners()).get("main") ?? { port: 0 };
  const { statusCode, headers, body } = await request(`http://127.0.0.1:${port}/`, { headers: { host } });
  return { status: statusCode, config: headers["x-config"], body: await body.text() };
}
