import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
  type ConfigSourceSchema,
} from "../../../envoy-api/generated/envoy/config/core/v3/config_source_pb.ts";
import type { SdsSecretConfigSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { milliseconds } from "../../../envoy-api/index.ts";
import { MESH_AUTHORITIES, OWN_CERTIFICATE, SECRETS_CLUSTER } from "../../../model/proxy.ts";
import { fromAds } from "../config-source.ts";

export { MESH_AUTHORITIES, OWN_CERTIFICATE, SECRETS_CLUSTER };

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
