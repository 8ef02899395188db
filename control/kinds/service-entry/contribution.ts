import type { Contribution, Endpoint, HostName, MeshObject, MeshSettings, Resolution, ServicePort } from "../../model/index.ts";
import { endpointOf, exportedTo, parseProtocol } from "../../model/parts/index.ts";
import type { ServiceEntrySpec } from "./fields.ts";

const RESOLUTIONS: Readonly<Record<ServiceEntrySpec["resolution"], Resolution>> = {
  NONE: "none",
  STATIC: "static",
  DNS: "dns",
  DNS_ROUND_ROBIN: "dns-round-robin",
  // Refused by the check.
  DYNAMIC_DNS: "none",
};

/** A service for each host; all of them have the same ports and endpoints. */
export function contribute(object: MeshObject<ServiceEntrySpec>, settings: MeshSettings): Contribution {
  const { metadata, spec } = object;
  const { namespace } = metadata;
  const ports = spec.ports.map((port): ServicePort => ({
    name: port.name,
    number: port.number,
    protocol: parseProtocol(port.protocol) ?? "auto",
    targetPort: port.targetPort ?? port.number,
  }));
  const listed = (spec.endpoints ?? [])
    .filter(({ address }) => address !== undefined)
    .map((entry) => withPorts(endpointOf(entry, namespace), ports));
  const resolution = RESOLUTIONS[spec.resolution];
  const services = [...new Set(spec.hosts.map((host) => host.toLowerCase().replace(/(?<=.)\.$/, "")))].map((host) => ({
    host,
    name: host,
    namespace,
    exportTo: exportedTo(spec.exportTo, settings.defaultServiceExportTo),
    addresses: spec.addresses.map((address) => address.toLowerCase()),
    ports,
    resolution,
    location: spec.location === "MESH_INTERNAL" ? ("internal" as const) : ("external" as const),
    selector: spec.workloadSelector === undefined ? undefined : (spec.workloadSelector.labels ?? {}),
    endpoints: listed.length === 0 && spec.workloadSelector === undefined ? ownEndpoints(host, resolution, ports, namespace) : listed,
    subjectAltNames: spec.subjectAltNames,
    headless: false,
    publishNotReady: false,
    preference: "none" as const,
    nodeLocal: false,
    clientAffinity: false,
    labels: metadata.labels,
    object,
  }));
  return { services };
}

/** Where DNS is asked and no endpoint says for what, for the host itself (Istio's `convertServiceEntryToInstances`). */
function ownEndpoints(host: HostName, resolution: Resolution, ports: readonly ServicePort[], namespace: string): readonly Endpoint[] {
  return resolution === "dns" || resolution === "dns-round-robin"
    ? [withPorts(endpointOf({ ...NO_ENTRY, address: host }, namespace), ports)]
    : [];
}

const NO_ENTRY = {
  address: undefined,
  ports: undefined,
  labels: undefined,
  network: undefined,
  locality: undefined,
  weight: undefined,
  serviceAccount: undefined,
};

/** A number for every port of the service: the endpoint's own by name, else the target port. A unix socket has none. */
function withPorts(endpoint: Endpoint, ports: readonly ServicePort[]): Endpoint {
  const isPipe = endpoint.address.startsWith("unix://");
  const own = ports.map(({ name, number, targetPort }) => [
    name,
    isPipe ? 0 : (endpoint.ports[name] ?? (typeof targetPort === "number" ? targetPort : number)),
  ]);
  return { ...endpoint, ports: Object.fromEntries(own) as Record<string, number> };
}
