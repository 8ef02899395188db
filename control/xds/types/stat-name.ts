import type { Service } from "../../model/index.ts";

export interface Named {
  /** Or what stands in its place: a Sidecar, whose ports no service has. */
  readonly service: Pick<Service, "host" | "name" | "namespace" | "object">;
  /** By which clients call it. */
  readonly port: { readonly number: number; readonly name: string };
  /** Where the workload listens; 0 where nobody knows, of services outside of it. */
  readonly targetPort?: number;
  readonly subset?: string | undefined;
}

/** What stands for a cluster in statistics, by MeshConfig's `inboundClusterStatName` or `outboundClusterStatName` (Istio's `BuildStatPrefix`). */
export function statName(pattern: string, { service, port, targetPort = 0, subset = "" }: Named): string {
  // Names of other registries than Kubernetes are not taken apart.
  const isKubernetes = service.object.kind === "Service";
  const values: Readonly<Record<string, string>> = {
    SERVICE: isKubernetes ? `${service.name}.${service.namespace}` : service.host,
    SERVICE_NAME: isKubernetes ? service.name : service.host,
    SERVICE_FQDN: service.host,
    SERVICE_PORT: `${port.number}`,
    SERVICE_PORT_NAME: port.name,
    TARGET_PORT: `${targetPort}`,
    SUBSET_NAME: subset,
  };
  return pattern.replaceAll(/%([A-Z_]+)%/g, (written, name: string) => values[name] ?? written);
}
