import { isIP } from "node:net";
import { Code, type MeshObject, type MeshView, type Report, selects, type Workload } from "../../model/index.ts";
import { wrongDnsLabel, wrongDomain } from "../../model/parts/index.ts";
import { EXPORT_TO, exportToOf } from "./contribution.ts";
import type { ServiceSpec } from "./fields.ts";
import { protocolOf } from "./protocol.ts";

/** What Kubernetes refuses, as far as a mesh would go wrong with it. */
export function check({ metadata, spec }: MeshObject<ServiceSpec>, report: Report): void {
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [index, port] of spec.ports.entries()) {
    const path = ["spec", "ports", index];
    const name = port.name ?? "";
    if (name === "" && spec.ports.length > 1) report("error", Code.Missing, path, `"name" is missing: with several ports each needs one`);
    else if (names.has(name)) report("error", Code.Duplicate, [...path, "name"], `another port is called ${JSON.stringify(name)} too`);
    const wrong = name === "" ? undefined : wrongDnsLabel(name);
    if (wrong !== undefined) report("error", Code.Value, [...path, "name"], wrong);
    const number = `${port.port}/${port.protocol}`;
    if (numbers.has(number)) report("error", Code.Duplicate, [...path, "port"], `another port has number ${port.port} too`);
    names.add(name);
    numbers.add(number);
    if (port.protocol === "TCP" && protocolOf(port) === "auto" && name !== "")
      report(
        "info",
        "IST0118",
        [...path, "name"],
        `the name of port ${JSON.stringify(name)} begins with no protocol, so Envoy finds out by itself what is spoken; http-${name} or tcp-${name} would say it`,
      );
    if (spec.type === "ExternalName" && protocolOf(port) === "tcp")
      report(
        "warning",
        "IST0150",
        [...path, "name"],
        "connections to a TCP port of an ExternalName service reach it only by the service's own address, which it has not",
      );
  }
  if (spec.type === "ExternalName") checkExternalName(spec.externalName, report);
  for (const [index, address] of (spec.clusterIPs ?? []).entries()) checkAddress(address, ["spec", "clusterIPs", index], report);
  if (spec.clusterIP !== undefined) checkAddress(spec.clusterIP, ["spec", "clusterIP"], report);
  for (const entry of exportToOf({ metadata } as MeshObject) ?? []) {
    const wrong = entry === "." || entry === "*" || entry === "~" ? undefined : wrongDnsLabel(entry);
    if (wrong !== undefined) report("error", "IST0125", ["metadata", "annotations", EXPORT_TO], wrong);
  }
}

function checkExternalName(name: string | undefined, report: Report): void {
  if (name === undefined)
    report("error", Code.Missing, ["spec"], `"externalName" is missing: a service of type ExternalName stands for a name of DNS`);
  else {
    const wrong = wrongDomain(name);
    if (wrong !== undefined) report("error", Code.Value, ["spec", "externalName"], wrong);
  }
}

function checkAddress(address: string, path: (string | number)[], report: Report): void {
  if (address !== "" && address !== "None" && isIP(address) === 0)
    report("error", Code.Value, path, `${JSON.stringify(address)} is no IP address; "None" makes a headless service`);
}

/** `istioctl analyze`: one workload behind several services that disagree about a port. */
export function checkInMesh(object: MeshObject<ServiceSpec>, mesh: MeshView, report: Report): void {
  const own = mesh.services().find((service) => service.object === object);
  if (own?.selector === undefined) return;
  const others = mesh
    .services()
    .filter(({ namespace, object: other }) => namespace === own.namespace && other !== object && other.kind === "Service");
  const picked = mesh
    .workloads()
    .filter((workload) => workload.namespace === own.namespace && selects(own.selector ?? {}, workload.labels));
  for (const [index, { number, targetPort, protocol }] of own.ports.entries()) {
    for (const other of others) {
      const shared = picked.find((workload) => other.selector !== undefined && selects(other.selector, workload.labels));
      const conflict = other.ports.find((port) => shared !== undefined && listens(port.targetPort, shared) === listens(targetPort, shared));
      if (shared === undefined || conflict === undefined) continue;
      const path = ["spec", "ports", index];
      if (conflict.number === number && conflict.protocol !== protocol)
        report(
          "warning",
          "IST0116",
          path,
          `workload ${shared.name} stands behind service ${other.name} too, which says that port ${number} speaks ${conflict.protocol} and not ${protocol}`,
        );
      else if (conflict.number !== number)
        report(
          "warning",
          "IST0137",
          path,
          `workload ${shared.name} stands behind service ${other.name} too, by port ${conflict.number} and not ${number}, at the same port of its own`,
        );
    }
  }
}

function listens(targetPort: number | string, { ports }: Workload): number | undefined {
  return typeof targetPort === "number" ? targetPort : ports[targetPort];
}
