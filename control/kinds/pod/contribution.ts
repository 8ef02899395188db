import type { Contribution, MeshObject, Workload } from "../../model/index.ts";
import { localityOf, tlsModeOf } from "../../model/parts/index.ts";
import type { PodSpec } from "./fields.ts";

export function contribute(object: MeshObject<PodSpec>): Contribution {
  const { metadata, spec: pod } = object;
  const { spec, status } = pod;
  const addresses = [...new Set([status?.podIP ?? "", ...(status?.podIPs ?? []).map(({ ip }) => ip)])].filter((address) => address !== "");
  const phase = status?.phase ?? "Running";
  if (addresses.length === 0 || phase === "Succeeded" || phase === "Failed") return {};
  const { labels, annotations } = metadata;
  const proxyConfig = annotations["proxy.istio.io/config"];
  const workload: Workload = {
    name: metadata.name,
    namespace: metadata.namespace,
    workloadName: ownerOf(metadata.name, labels),
    addresses: addresses.map((address) => address.toLowerCase()),
    labels,
    serviceAccount: spec?.serviceAccountName || spec?.serviceAccount || "default",
    ports: portsOf(spec),
    locality: localityOf(labels),
    network: labels["topology.istio.io/network"] ?? "",
    weight: 1,
    node: spec?.nodeName ?? "",
    ready: isReady(phase, status?.conditions),
    tlsMode: tlsModeOf(labels),
    ...(proxyConfig === undefined ? {} : { proxyConfig }),
    object,
  };
  return { workloads: [workload] };
}

/** The first port of a name counts, as for a service's `targetPort` (Kubernetes' `FindPort`). */
function portsOf(spec: PodSpec["spec"]): Record<string, number> {
  const ports: Record<string, number> = {};
  for (const container of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) {
    for (const { name, containerPort } of container.ports ?? []) if (name) ports[name] ??= containerPort;
  }
  return ports;
}

function isReady(phase: string, conditions: NonNullable<PodSpec["status"]>["conditions"]): boolean {
  const ready = conditions?.find(({ type }) => type === "Ready");
  return phase === "Running" && (ready === undefined || ready.status === "True");
}

/** Its Deployment, whose name a pod's begins with: `reviews-v1` of `reviews-v1-5f7d8c9b6d-x2x7k` (Istio's `GetDeployMetaFromPod`). */
function ownerOf(name: string, labels: Readonly<Record<string, string>>): string {
  const hash = labels["pod-template-hash"];
  const at = hash === undefined ? -1 : name.indexOf(`-${hash}-`);
  return at > 0 ? name.slice(0, at) : name;
}
