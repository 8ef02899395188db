import { create } from "@bufbuild/protobuf";
import { type Cluster, ClusterSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import {
  HttpProtocolOptionsSchema as CommonOptionsSchema,
  type HttpProtocolOptions as CommonOptions,
} from "../../../envoy-api/generated/envoy/config/core/v3/protocol_pb.ts";
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from "../../../envoy-api/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { pack } from "../../../envoy-api/index.ts";

/** Key of a cluster's HTTP options in `typed_extension_protocol_options`. */
export const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** A cluster while it is put together; several policies have a part in its HTTP options, which are packed at the end. */
export interface ClusterDraft {
  readonly cluster: Cluster;
  options: HttpProtocolOptions | undefined;
}

/** @param statName in statistics. Default: the name */
export function draftOf(name: string, statName = name): ClusterDraft {
  // The semicolon is Istio's (`DelimitedStatsPrefix`): its regular expressions for statistics find the end of the name by it.
  return { cluster: create(ClusterSchema, { name, altStatName: `${statName};` }), options: undefined };
}

export function optionsOf(draft: ClusterDraft): HttpProtocolOptions {
  return (draft.options ??= create(HttpProtocolOptionsSchema));
}

export function commonOptionsOf(draft: ClusterDraft): CommonOptions {
  const options = optionsOf(draft);
  return (options.commonHttpProtocolOptions ??= create(CommonOptionsSchema));
}

export function finish({ cluster, options }: ClusterDraft): Cluster {
  if (options === undefined) return cluster;
  // Envoy wants to be told a protocol where there are options at all; HTTP/1.1 is what a cluster without any speaks.
  if (options.upstreamProtocolOptions.case === undefined) {
    options.upstreamProtocolOptions = create(HttpProtocolOptionsSchema, {
      upstreamProtocolOptions: { case: "explicitHttpConfig", value: { protocolConfig: { case: "httpProtocolOptions", value: {} } } },
    }).upstreamProtocolOptions;
  }
  cluster.typedExtensionProtocolOptions[PROTOCOL_OPTIONS] = pack(HttpProtocolOptionsSchema, options);
  return cluster;
}
