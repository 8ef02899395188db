import {
  Code,
  covers,
  fullHost,
  type MeshObject,
  type MeshView,
  overlaps,
  portOfWorkload,
  type Report,
  selects,
  type Workload,
} from "../../model/index.ts";
import { parseNamespacedHost } from "../../model/parts/index.ts";
import type { SidecarSpec } from "./fields.ts";

/** `istioctl analyze`: selectors that select nobody, two Sidecars for one workload, hosts that there are not; and ports of services that an ingress leaves out. */
export function checkInMesh(object: MeshObject<SidecarSpec>, mesh: MeshView, report: Report): void {
  const { metadata, spec } = object;
  const { namespace } = metadata;
  const labels = spec.workloadSelector?.labels ?? {};
  const selected = mesh.workloads().filter((workload) => workload.namespace === namespace && selects(labels, workload.labels));
  const rivals = (mesh.objects("Sidecar") as readonly MeshObject<SidecarSpec>[]).filter(
    (other) => other !== object && other.metadata.namespace === namespace && isSelective(other) === isSelective(object),
  );
  if (isSelective(object)) {
    if (selected.length === 0 && mesh.workloads().length > 0)
      report("warning", "IST0101", ["spec", "workloadSelector"], `no workload of namespace ${namespace} has these labels`);
    for (const rival of rivals) {
      const shared = selected.find((workload) => selects(rival.spec.workloadSelector?.labels ?? {}, workload.labels));
      if (shared !== undefined)
        report(
          "error",
          "IST0110",
          ["spec", "workloadSelector"],
          `Sidecar ${rival.metadata.name} selects workload ${shared.name} too; the older one counts`,
        );
    }
  } else if (rivals[0] !== undefined) {
    report(
      "error",
      "IST0111",
      ["metadata", "name"],
      `Sidecar ${rivals[0].metadata.name} is for the whole of namespace ${namespace} too; the older one counts`,
    );
  }
  checkHostsInMesh(object, mesh, report);
  if (isSelective(object)) checkPorts(object, selected, mesh, report);
}

/** A Sidecar with an ingress has no listeners but those: what services send elsewhere passes as to a port that nobody speaks of. */
function checkPorts({ metadata, spec }: MeshObject<SidecarSpec>, selected: readonly Workload[], mesh: MeshView, report: Report): void {
  if (spec.ingress.length === 0) return;
  const taken = new Set(spec.ingress.map(({ port }) => port.number));
  for (const service of mesh.services()) {
    const { name, selector, namespace, ports } = service;
    const workload = selected.find(({ labels }) => selector !== undefined && selects(selector, labels));
    if (workload === undefined || namespace !== metadata.namespace) continue;
    for (const port of ports) {
      const { number, protocol } = port;
      const target = portOfWorkload(workload, service, port);
      if (target === undefined || protocol === "udp" || taken.has(target)) continue;
      report(
        "warning",
        Code.Surprise,
        ["spec", "ingress"],
        `Service ${namespace}/${name} sends its port ${number} to ${target} of workload ${workload.name}, which no listener here is for: connections pass as to a port that nobody speaks of`,
      );
    }
  }
}

function isSelective({ spec }: MeshObject<SidecarSpec>): boolean {
  return Object.keys(spec.workloadSelector?.labels ?? {}).length > 0;
}

function checkHostsInMesh({ metadata, spec }: MeshObject<SidecarSpec>, mesh: MeshView, report: Report): void {
  for (const [index, egress] of spec.egress.entries()) {
    for (const [at, text] of egress.hosts.entries()) {
      const { namespace, host } = parseNamespacedHost(text);
      if (host.startsWith("*") || namespace === "~") continue;
      const from = namespace === "." ? metadata.namespace : namespace;
      const known =
        mesh.services().some((service) => (from === "*" || from === service.namespace) && covers(service.host, host)) ||
        mesh
          .routings()
          .some(({ hosts, object }) => (from === "*" || from === object.metadata.namespace) && hosts.some((each) => covers(each, host)));
      if (!known)
        report(
          "warning",
          "IST0101",
          ["spec", "egress", index, "hosts", at],
          `there is no host ${host} in ${from === "*" ? "any namespace" : `namespace ${from}`}`,
        );
    }
  }
  for (const [index, { port, hosts }] of spec.egress.entries()) {
    if (port === undefined || port.number === 0 || port.protocol.toLowerCase() === "http_proxy") continue;
    const imported = hosts.map(parseNamespacedHost);
    const found = mesh.services().filter(({ namespace: its, host }) =>
      imported.some((each) => {
        const from = each.namespace === "." ? metadata.namespace : each.namespace;
        return (from === "*" || from === its) && overlaps(each.host, host);
      }),
    );
    // Hosts that are not there are told of above.
    if (found.length > 0 && !found.some(({ ports }) => ports.some(({ number }) => number === port.number)))
      report(
        "warning",
        "IST0101",
        ["spec", "egress", index, "port", "number"],
        `no service that this listener imports has port ${port.number}, so nobody listens there`,
      );
  }
  const proxy = spec.outboundTrafficPolicy?.egressProxy;
  if (proxy === undefined) return;
  const path = ["spec", "outboundTrafficPolicy", "egressProxy"];
  const services = mesh.servicesOf(fullHost(proxy.host, metadata.namespace, mesh.settings.domainSuffix));
  if (services.length === 0) report("error", "IST0101", [...path, "host"], `there is no host ${proxy.host}`);
  else if (proxy.port !== undefined && !services.some(({ ports }) => ports.some(({ number }) => number === proxy.port?.number)))
    report("error", "IST0101", [...path, "port"], `${proxy.host} has no port ${proxy.port.number}`);
  const { subset } = proxy;
  const host = fullHost(proxy.host, metadata.namespace, mesh.settings.domainSuffix);
  const rules = mesh.trafficRules().filter((each) => covers(each.host, host));
  if (subset !== undefined && services.length > 0 && !rules.some(({ subsets }) => subsets.some(({ name }) => name === subset)))
    report("error", "IST0101", [...path, "subset"], `no DestinationRule for ${proxy.host} has a subset ${subset}`);
}
