import type { WorkloadGroupSpec } from "../kinds/workload-group/index.ts";
import { GROUP_ANNOTATION, HEALTHY_ANNOTATION, type MeshObject, type Registration } from "../model/index.ts";

export type Group = MeshObject<WorkloadGroupSpec>;

/** The name of a registered entry (Istio's `autoregisteredWorkloadEntryName`). */
export function entryName({ group, address, network }: Pick<Registration, "group" | "address" | "network">): string {
  const name = [group, address.replaceAll(":", "-"), network].filter((part) => part !== "").join("-");
  return name
    .toLowerCase()
    .slice(-253)
    .replace(/^[^a-z\d]+/, "");
}

/** The entry of a registration as a document (Istio's `workloadEntryFromGroup`): what the node says goes before the group, and of the group what `metadata` says before `template`. */
export function entryOf(registration: Registration, { spec }: Group): string {
  const { template, metadata, probe } = spec;
  // Who has a probe takes nothing until it has said that it is healthy.
  const isHealthy = registration.healthy ?? probe === undefined;
  return JSON.stringify({
    apiVersion: "networking.istio.io/v1",
    kind: "WorkloadEntry",
    metadata: {
      name: entryName(registration),
      namespace: registration.namespace,
      labels: { ...metadata?.labels },
      annotations: {
        ...metadata?.annotations,
        [GROUP_ANNOTATION]: registration.group,
        ...(isHealthy ? {} : { [HEALTHY_ANNOTATION]: "false" }),
      },
    },
    spec: {
      ...template,
      address: registration.address,
      // Istio's agents of virtual machines always have a certificate, so there an account tells that one is there.
      labels: {
        ...(registration.identity ? {} : { "security.istio.io/tlsMode": "disabled" }),
        ...template.labels,
        ...metadata?.labels,
        ...registration.labels,
      },
      serviceAccount: template.serviceAccount ?? "default",
      ...(registration.network === "" ? {} : { network: registration.network }),
      ...(registration.locality === "" ? {} : { locality: registration.locality }),
    },
  });
}
