import { create, fromBinary } from "@bufbuild/protobuf";
import { HeaderValueOption_HeaderAppendAction as AppendAction } from "../../../control/envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from "../../../control/envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { ClusterLoadAssignmentSchema } from "../../../control/envoy-api/generated/envoy/config/endpoint/v3/endpoint_pb.ts";
import { HeaderMutationSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.ts";
import { UpstreamCodecSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec_pb.ts";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "../../../control/envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from "../../../control/envoy-api/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { pack } from "../../../control/envoy-api/index.ts";
import { PROTOCOL_OPTIONS } from "../../../control/xds/types/cluster/draft.ts";
import { STREAM_HEADER, STREAM_NUMBER } from "../../../harness/envoy/chain/markers.ts";
import type { UpstreamHosts } from "./upstream-hosts.ts";

/** Tells the scripted server which cluster a request came by. Added behind all filters, and taken out of what is shown. */
export const CLUSTER_HEADER = "x-meshwright-cluster";

/** Fewer requests at once than this, and a limit of the cluster could be reached by requests that are tried side by side. */
const AMPLE = 256;

const { EDS, STATIC, ORIGINAL_DST } = Cluster_DiscoveryType;

/**
 * Changes a cluster so that all its hosts are the scripted server. How hosts are found is of no matter then: those of DNS and original destinations become fixed ones, while those of EDS come as before. Nothing is
 * encrypted towards the server, and no source address is bound; protocol, limits, retries, load balancing and outlier detection stay.
 */
export function leadToServer(cluster: Cluster, hosts: UpstreamHosts): void {
  const { clusterDiscoveryType: discovery } = cluster;
  if (discovery.case === "type" && discovery.value !== EDS) {
    if (discovery.value === ORIGINAL_DST) {
      cluster.lbPolicy = Cluster_LbPolicy.ROUND_ROBIN;
      delete cluster.loadBalancingPolicy;
      cluster.lbConfig = { case: undefined };
      const endpoint = { address: hosts.address(0) };
      cluster.loadAssignment = create(ClusterLoadAssignmentSchema, {
        clusterName: cluster.name,
        endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: endpoint } }] }],
      });
    } else if (cluster.loadAssignment !== undefined) hosts.replace(cluster.loadAssignment);
    cluster.clusterDiscoveryType = { case: "type", value: STATIC };
  }
  delete cluster.transportSocket;
  cluster.transportSocketMatches = [];
  delete cluster.upstreamBindConfig;
  const options = cluster.typedExtensionProtocolOptions[PROTOCOL_OPTIONS];
  const http = options === undefined ? create(HttpProtocolOptionsSchema) : fromBinary(HttpProtocolOptionsSchema, options.value);
  nameRequests(http, cluster.name);
  cluster.typedExtensionProtocolOptions[PROTOCOL_OPTIONS] = pack(HttpProtocolOptionsSchema, http);
}

/** Whether what becomes of a request may depend on those before it, or under way with it. */
export function countsRequests({ circuitBreakers, outlierDetection }: Cluster): boolean {
  if (outlierDetection !== undefined) return true;
  const limits = (circuitBreakers?.thresholds ?? []).flatMap(
    ({ maxConnections, maxPendingRequests, maxRequests, maxRetries, retryBudget }) => [
      maxConnections ?? AMPLE,
      maxPendingRequests ?? AMPLE,
      maxRequests ?? AMPLE,
      maxRetries ?? AMPLE,
      retryBudget === undefined ? AMPLE : 0,
    ],
  );
  return limits.some((limit) => limit < AMPLE);
}

function nameRequests(options: HttpProtocolOptions, cluster: string): void {
  // Without TLS there is no name for SNI, and no certificate to compare with.
  delete options.upstreamHttpProtocolOptions;
  // Options want a protocol; HTTP/1.1 is what a cluster without any speaks.
  if (options.upstreamProtocolOptions.case === undefined) {
    options.upstreamProtocolOptions = create(HttpProtocolOptionsSchema, {
      upstreamProtocolOptions: { case: "explicitHttpConfig", value: { protocolConfig: { case: "httpProtocolOptions", value: {} } } },
    }).upstreamProtocolOptions;
  }
  const codec = options.httpFilters.at(-1) ?? httpFilter("envoy.filters.http.upstream_codec", pack(UpstreamCodecSchema, {}));
  options.httpFilters = [...options.httpFilters.slice(0, -1), naming(cluster), codec];
}

/** Requests that are not of a client, such as mirrored ones and those that filters make, have no number. */
function naming(cluster: string): HttpFilter {
  const append = (key: string, value: string) => ({
    action: { case: "append" as const, value: { header: { key, value }, appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD } },
  });
  const requestMutations = [append(STREAM_HEADER, STREAM_NUMBER), append(CLUSTER_HEADER, cluster.replaceAll("%", "%%"))];
  return httpFilter("meshwright.try.name", pack(HeaderMutationSchema, { mutations: { requestMutations } }));
}

function httpFilter(name: string, value: ReturnType<typeof pack>): HttpFilter {
  return create(HttpFilterSchema, { name, configType: { case: "typedConfig", value } });
}
