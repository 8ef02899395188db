import type { Contribution, Endpoint, MeshObject, MeshSettings } from "../../model/index.ts";
import type { EndpointsSpec } from "./fields.ts";

export function contribute(object: MeshObject<EndpointsSpec>, settings: MeshSettings): Contribution {
  const { metadata, spec } = object;
  const endpoints = spec.subsets.flatMap((subset) => {
    const ports = Object.fromEntries(subset.ports.map(({ name, port }) => [name ?? "", port]));
    const make = (health: Endpoint["health"]) => (entry: Address) => endpointOf(entry, health, ports, metadata.namespace);
    return [...subset.addresses.map(make("healthy")), ...subset.notReadyAddresses.map(make("unhealthy"))];
  });
  return {
    endpoints: [
      { host: `${metadata.name}.${metadata.namespace}.svc.${settings.domainSuffix}`, namespace: metadata.namespace, endpoints, object },
    ],
  };
}

type Address = EndpointsSpec["subsets"][number]["addresses"][number];

function endpointOf(
  { ip, nodeName, targetRef }: Address,
  health: Endpoint["health"],
  ports: Endpoint["ports"],
  namespace: string,
): Endpoint {
  // What is no pod says nothing of the workload (Istio's `getPod`).
  const pod = targetRef?.kind === "Pod" ? targetRef : undefined;
  return {
    address: ip.toLowerCase(),
    ports,
    labels: {},
    locality: "",
    network: "",
    weight: 1,
    serviceAccount: "",
    namespace: pod?.namespace || namespace,
    workload: pod?.name ?? "",
    node: nodeName ?? "",
    health,
  };
}
