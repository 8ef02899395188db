import type { Contribution, Endpoint, MeshObject, MeshSettings } from "../../model/index.ts";
import { localityOf } from "../../model/parts/index.ts";
import type { EndpointSliceSpec } from "./fields.ts";

/** Label that says whose endpoints these are. */
export const SERVICE_NAME = "kubernetes.io/service-name";

export function contribute(object: MeshObject<EndpointSliceSpec>, settings: MeshSettings): Contribution {
  const { metadata, spec } = object;
  const service = metadata.labels[SERVICE_NAME];
  if (service === undefined || spec.addressType === "FQDN") return {};
  const ports: Record<string, number> = {};
  for (const { name, port } of spec.ports) if (port !== undefined) ports[name ?? ""] = port;
  const endpoints = spec.endpoints.flatMap((entry) => {
    const health = healthOf(entry.conditions);
    return health === undefined
      ? []
      : entry.addresses.map((address) => endpointOf(entry, address.toLowerCase(), health, ports, metadata.namespace));
  });
  return {
    endpoints: [
      { host: `${service}.${metadata.namespace}.svc.${settings.domainSuffix}`, namespace: metadata.namespace, endpoints, object },
    ],
  };
}

type Entry = EndpointSliceSpec["endpoints"][number];

/** Istio's `endpointHealthStatus`: what terminates and no longer serves is gone. */
function healthOf(conditions: Entry["conditions"]): Endpoint["health"] | undefined {
  const ready = conditions?.ready ?? true;
  if (conditions?.terminating === true) return (conditions.serving ?? ready) ? "draining" : undefined;
  return ready ? "healthy" : "unhealthy";
}

function endpointOf(entry: Entry, address: string, health: Endpoint["health"], ports: Endpoint["ports"], namespace: string): Endpoint {
  const topology = { ...entry.topology, ...entry.deprecatedTopology };
  const zone = entry.zone || undefined;
  // What is no pod says nothing of the workload (Istio's `getPod`).
  const pod = entry.targetRef?.kind === "Pod" ? entry.targetRef : undefined;
  return {
    address,
    ports,
    labels: {},
    locality: localityOf(zone === undefined ? topology : { ...topology, "topology.kubernetes.io/zone": zone }),
    network: "",
    weight: 1,
    serviceAccount: "",
    namespace: pod?.namespace || namespace,
    workload: pod?.name ?? "",
    node: entry.nodeName || topology["kubernetes.io/hostname"] || "",
    health,
  };
}
