import { pack } from "../../../envoy-api/index.ts";
import { ConfigSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.ts";
import { ALPN_OVERRIDE } from "../cluster/mesh-tls.ts";
import type { HttpFilter } from "./http-filter.ts";

/**
 * Has the connection of a request offer an ALPN that says that HTTP is inside, where its cluster has bytes too. It stands in the cluster's metadata, by the route that was chosen last; Istio's own Envoy has a filter for
 * this, and Envoy's router takes it from the filter state (`envoy.network.application_protocols`). Without anything there nothing is set.
 */
export const alpnOverride: HttpFilter = {
  name: "istio.alpn",
  configType: {
    case: "typedConfig",
    value: pack(ConfigSchema, {
      onRequestHeaders: [
        {
          key: { case: "objectKey", value: "envoy.network.application_protocols" },
          value: {
            case: "formatString",
            value: {
              format: {
                case: "textFormatSource",
                value: {
                  specifier: { case: "inlineString", value: `%CLUSTER_METADATA(${ALPN_OVERRIDE.namespace}:${ALPN_OVERRIDE.key})%` },
                },
              },
              omitEmptyValues: true,
            },
          },
          skipIfEmpty: true,
        },
      ],
    }),
  },
};
