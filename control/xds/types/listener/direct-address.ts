import { pack } from "../../../envoy-api/index.ts";
import { SubstitutionFormatStringSchema } from "../../../envoy-api/generated/envoy/config/core/v3/substitution_format_string_pb.ts";
import { ConfigSchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.ts";
import { create } from "@bufbuild/protobuf";
import type { NetworkFilter } from "./filter-chain.ts";

/**
 * Tells `authorization` who has the connection, which `ipBlocks` are about: Envoy shows filters one address, that of the client as headers and the PROXY protocol say. Once for a
 * connection, and whether or not a policy asks: the first that does holds for connections that are open already.
 */
export const directAddress: NetworkFilter = {
  name: "envoy.filters.network.set_filter_state",
  configType: {
    case: "typedConfig",
    value: pack(ConfigSchema, {
      onNewConnection: [
        {
          key: { case: "objectKey", value: "meshwright.direct_remote_address" },
          factoryKey: "envoy.string",
          readOnly: true,
          value: {
            case: "formatString",
            value: create(SubstitutionFormatStringSchema, {
              format: {
                case: "textFormatSource",
                value: { specifier: { case: "inlineString", value: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%" } },
              },
            }),
          },
        },
      ],
    }),
  },
};
