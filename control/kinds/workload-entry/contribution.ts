import { type Contribution, HEALTHY_ANNOTATION, type MeshObject, type Workload } from "../../model/index.ts";
import { endpointOf } from "../../model/parts/index.ts";
import type { WorkloadEntrySpec } from "./fields.ts";

export function contribute(object: MeshObject<WorkloadEntrySpec>): Contribution {
  const { metadata, spec } = object;
  if (spec.address === undefined) return {};
  // Labels of the entry go before those of its metadata (Istio's `convertWorkloadEntry`).
  const labels = { ...metadata.labels, ...spec.labels };
  const endpoint = endpointOf({ ...spec, labels }, metadata.namespace);
  const workload: Workload = {
    name: metadata.name,
    namespace: metadata.namespace,
    workloadName: metadata.name,
    addresses: [endpoint.address],
    labels,
    // Where nobody says it, its proxy may.
    serviceAccount: spec.serviceAccount ?? "",
    ports: endpoint.ports,
    locality: endpoint.locality,
    network: endpoint.network,
    weight: endpoint.weight,
    node: "",
    // Of one that came by registration; others say nothing of it.
    ready: metadata.annotations[HEALTHY_ANNOTATION] !== "false",
    tlsMode: endpoint.tlsMode,
    object,
  };
  return { workloads: [workload] };
}
