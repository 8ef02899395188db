import type { Cluster } from "../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { mergedAny, mergeInto, messageOf } from "../../envoy-api/reflection/index.ts";
import type { ClusterMatch, ProxyView } from "../../model/index.ts";
import { type BoundPatch, isFor, isInPlace, type Place, valueOf } from "./bound-patch.ts";
import { Draft, PatchError } from "./draft.ts";
import { noteApplied } from "./outcomes.ts";

/** Changes a cluster, as Istio's `ApplyClusterMerge`; undefined where it is removed. The very cluster where nothing is for it. */
export function patchCluster(view: ProxyView, cluster: Cluster, patches: readonly BoundPatch[]): Cluster | undefined {
  const place = placeOf(view, cluster);
  const mine = patches.filter(
    (each) => each.patch.operation !== "ADD" && isInPlace(each, place) && matches(cluster, each.patch.cluster, place) && isFor(each, view),
  );
  const draft = new Draft(cluster, cluster.name, (candidate) =>
    candidate.name === cluster.name ? undefined : `would rename the cluster to ${JSON.stringify(candidate.name)}, by which nobody knows it`,
  );
  for (const each of mine) {
    if (each.patch.operation === "REMOVE") {
      noteApplied(each.patch, cluster.name);
      return undefined;
    }
    draft.apply(each, (candidate) => merge(candidate, valueOf<Cluster>(each.patch)));
  }
  return draft.message;
}

function placeOf(view: ProxyView, { name }: Cluster): Place {
  if (view.client().type === "router") return "GATEWAY";
  return name.startsWith("inbound|") || name === "InboundPassthroughCluster" ? "SIDECAR_INBOUND" : "SIDECAR_OUTBOUND";
}

/** Istio's `clusterMatch`: a name is all that counts; else what stands in the name, `outbound|80|v1|reviews.default.svc.cluster.local`. */
function matches(cluster: Cluster, match: ClusterMatch | undefined, place: Place): boolean {
  if (match === undefined) return true;
  if (match.name !== undefined) return match.name === cluster.name;
  const [, port = "", subset = "", host = ""] = cluster.name.startsWith("outbound_.") ? cluster.name.split("_.") : cluster.name.split("|");
  if (match.subset !== undefined && match.subset !== subset) return false;
  const hosts = place === "SIDECAR_INBOUND" ? servicesOf(cluster) : [host];
  if (match.service !== undefined && !hosts.includes(match.service)) return false;
  return match.portNumber === undefined || match.portNumber === Number(port);
}

/** Of the workload's own ports: the services that stand before them. */
function servicesOf({ metadata }: Cluster): readonly string[] {
  const services: unknown = metadata?.filterMetadata["istio"]?.["services"];
  if (!Array.isArray(services)) return [];
  return services.flatMap((each: unknown) => (typeof each === "object" && each !== null && "host" in each ? [String(each.host)] : []));
}

/** Where a cluster has a transport socket for mTLS and one for plain text, that of the same name is meant. */
function merge(cluster: Cluster, value: Cluster): boolean {
  const { transportSocket } = value;
  if (transportSocket !== undefined && cluster.transportSocketMatches.length > 0) {
    const found = cluster.transportSocketMatches.find((each) => each.transportSocket?.name === transportSocket.name)?.transportSocket;
    if (found === undefined) throw new PatchError(`has no transport socket ${JSON.stringify(transportSocket.name)} among its matches`);
    const [into, from] = [found.configType, transportSocket.configType];
    const merged = into.case === "typedConfig" && from.case === "typedConfig" ? mergedAny(into.value, from.value) : undefined;
    if (merged === undefined)
      throw new PatchError(`the transport socket ${JSON.stringify(transportSocket.name)} is configured by another type`);
    found.configType = { case: "typedConfig", value: merged };
    delete value.transportSocket;
  }
  mergeInto(messageOf(cluster.$typeName), cluster, value);
  return true;
}
