import type { Contribution, Endpoint, ExportTo, MeshObject, MeshSettings, Resolution, Service, ServicePort } from "../../model/index.ts";
import type { ServiceSpec } from "./fields.ts";
import { protocolOf } from "./protocol.ts";

export const EXPORT_TO = "networking.istio.io/exportTo";
const TRAFFIC_DISTRIBUTION = "networking.istio.io/traffic-distribution";

export function contribute(object: MeshObject<ServiceSpec>, settings: MeshSettings): Contribution {
  const { metadata, spec } = object;
  const external = spec.type === "ExternalName";
  const addresses = addressesOf(spec);
  const headless = !external && addresses.headless;
  const ports = spec.ports.map((port): ServicePort => ({
    name: port.name ?? "",
    number: port.port,
    protocol: protocolOf(port),
    targetPort: port.targetPort ?? port.port,
  }));
  const service: Service = {
    host: `${metadata.name}.${metadata.namespace}.svc.${settings.domainSuffix}`,
    name: metadata.name,
    namespace: metadata.namespace,
    exportTo: exportToOf(object) ?? settings.defaultServiceExportTo,
    addresses: external ? [] : addresses.virtual,
    ports,
    resolution: resolutionOf(external, headless),
    location: external ? "external" : "internal",
    selector: external || spec.selector === undefined || Object.keys(spec.selector).length === 0 ? undefined : spec.selector,
    endpoints: external && spec.externalName !== undefined ? [externalEndpoint(spec.externalName, ports, metadata.namespace)] : [],
    subjectAltNames: [],
    headless,
    publishNotReady: spec.publishNotReadyAddresses,
    preference: preferenceOf(object),
    nodeLocal: spec.internalTrafficPolicy === "Local",
    clientAffinity: spec.sessionAffinity === "ClientIP",
    labels: metadata.labels,
    object,
  };
  return { services: [service] };
}

function resolutionOf(external: boolean, headless: boolean): Resolution {
  return external ? "dns" : headless ? "none" : "static";
}

function addressesOf({ clusterIP, clusterIPs }: ServiceSpec): { readonly virtual: readonly string[]; readonly headless: boolean } {
  const all = clusterIPs !== undefined && clusterIPs.length > 0 ? clusterIPs : clusterIP === undefined ? [] : [clusterIP];
  return {
    virtual: [...new Set(all.filter((address) => address !== "" && address !== "None").map((address) => address.toLowerCase()))],
    headless: all.includes("None"),
  };
}

/** Of the annotation `networking.istio.io/exportTo`: namespaces with commas between. */
export function exportToOf({ metadata }: MeshObject): ExportTo | undefined {
  const entries = metadata.annotations[EXPORT_TO]?.split(",").map((entry) => entry.trim());
  const named = entries?.filter((entry) => entry !== "") ?? [];
  return named.length === 0 ? undefined : named;
}

function preferenceOf({ metadata, spec }: MeshObject<ServiceSpec>): Service["preference"] {
  const distribution = metadata.annotations[TRAFFIC_DISTRIBUTION] ?? spec.trafficDistribution;
  if (distribution === "PreferSameNode") return "node";
  return distribution === "PreferClose" || distribution === "PreferSameZone" ? "zone" : "none";
}

function externalEndpoint(address: string, ports: readonly ServicePort[], namespace: string): Endpoint {
  return {
    address: address.toLowerCase().replace(/\.$/, ""),
    ports: Object.fromEntries(ports.map(({ name, number }) => [name, number])),
    labels: {},
    locality: "",
    network: "",
    weight: 1,
    serviceAccount: "",
    namespace,
    workload: "",
    node: "",
    health: "healthy",
  };
}
