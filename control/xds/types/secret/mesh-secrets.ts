import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
  type ConfigSourceSchema,
} from "../../../envoy-api/generated/envoy/config/core/v3/config_source_pb.ts";
import type { SdsSecretConfigSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { milliseconds } from "../../../envoy-api/index.ts";
import { fromAds } from "../config-source.ts";

// The certificate of a proxy and those that it trusts never pass here: it gets them from beside it, by the names that Istio's agents know (`pkg/model/authentication.go`).

/** The certificate of the proxy's workload and its key. */
export const OWN_CERTIFICATE = "default";
/** The authorities of the mesh. */
export const MESH_AUTHORITIES = "ROOTCA";
/** The cluster of the proxy's bootstrap behind which the socket for secrets is. */
export const SECRETS_CLUSTER = "sds-grpc";

/** From the proxy's own machine; a listener or cluster waits for it as long as it takes, as it has nothing to say without. */
const fromBeside: MessageInitShape<typeof ConfigSourceSchema> = {
  resourceApiVersion: ApiVersion.V3,
  initialFetchTimeout: milliseconds(0),
  configSourceSpecifier: {
    case: "apiConfigSource",
    value: {
      apiType: ApiType.GRPC,
      transportApiVersion: ApiVersion.V3,
      setNodeOnFirstMessageOnly: true,
      grpcServices: [{ targetSpecifier: { case: "envoyGrpc", value: { clusterName: SECRETS_CLUSTER } } }],
    },
  },
};

/**
 * A secret of the mesh's own for a proxy. One without an identity has no such cluster, would refuse the whole resource, and must not go on in plain text: it is told to ask here, where nobody ever answers,
 * so that it closes the connections for which it would need the secret, and no others.
 */
export function meshSecret(name: string, { identity }: { readonly identity: boolean }): MessageInitShape<typeof SdsSecretConfigSchema> {
  return { name, sdsConfig: identity ? fromBeside : fromAds(1) };
}
