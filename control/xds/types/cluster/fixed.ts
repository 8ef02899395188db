import { create } from "@bufbuild/protobuf";
import { BindConfigSchema, type BindConfig } from "../../../envoy-api/generated/envoy/config/core/v3/address_pb.ts";
import { type Cluster, Cluster_DiscoveryType, Cluster_LbPolicy } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { milliseconds } from "../../../envoy-api/index.ts";
import type { ProxyView } from "../../../model/index.ts";
import { BLACK_HOLE_CLUSTER, INBOUND_PASSTHROUGH_CLUSTER, PASSTHROUGH_CLUSTER } from "../cluster-name.ts";
import { applyConnectionPool } from "./connection-pool.ts";
import { type ClusterDraft, draftOf, finish } from "./draft.ts";
import { applyProtocol } from "./protocol.ts";

/** Clusters that every proxy of a kind has, whatever is in the mesh. A gateway knows no original destinations. */
export function fixedClusters(view: ProxyView): readonly Cluster[] {
  const black = blackHole(view);
  return view.client().type === "router" ? [black] : [black, passthrough(view, PASSTHROUGH_CLUSTER), inboundPassthrough(view)];
}

/** Takes connections that lead nowhere: it has no hosts. */
function blackHole(view: ProxyView): Cluster {
  const draft = draftOf(BLACK_HOLE_CLUSTER);
  draft.cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.STATIC };
  draft.cluster.connectTimeout = milliseconds(view.settings().connectTimeout);
  return finish(draft);
}

function passthrough(view: ProxyView, name: string): Cluster {
  const draft = passthroughDraft(view, name);
  return finish(draft);
}

function passthroughDraft(view: ProxyView, name: string): ClusterDraft {
  const draft = draftOf(name);
  draft.cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST };
  draft.cluster.lbPolicy = Cluster_LbPolicy.CLUSTER_PROVIDED;
  applyConnectionPool(draft, undefined, view.settings());
  applyProtocol(draft, "as-client", undefined, view.proxySettings().proxyHeaders.preserveHttp1HeaderCase);
  return draft;
}

function inboundPassthrough(view: ProxyView): Cluster {
  const draft = passthroughDraft(view, INBOUND_PASSTHROUGH_CLUSTER);
  draft.cluster.upstreamBindConfig = fromLoopback();
  return finish(draft);
}

/**
 * The source address of what a proxy sends to its own workload: the redirection of the workload's traffic leaves these two alone, or it would come back (Istio's
 * `InboundPassthroughBindIpv4`). Envoy takes the one of the destination's family.
 */
export function fromLoopback(): BindConfig {
  const address = (ip: string) => ({ address: ip, portSpecifier: { case: "portValue" as const, value: 0 } });
  return create(BindConfigSchema, { sourceAddress: address("127.0.0.6"), extraSourceAddresses: [{ address: address("::6") }] });
}
