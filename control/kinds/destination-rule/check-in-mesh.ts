import { covers, fullHost, isWildcard, type MeshObject, type MeshView, type Report, selects, type Service } from "../../model/index.ts";
import { policiesOf } from "./check.ts";
import type { DestinationRuleSpec } from "./fields.ts";

/** `istioctl analyze`: hosts, ports, secrets and endpoints that are not there. IST0128 and IST0129 never happen: without caCertificates the system's hold. */
export function checkInMesh({ metadata, spec }: MeshObject<DestinationRuleSpec>, mesh: MeshView, report: Report): void {
  const host = fullHost(spec.host, metadata.namespace, mesh.settings.domainSuffix);
  const services = isWildcard(host) ? mesh.services().filter((service) => covers(host, service.host)) : mesh.servicesOf(host);
  if (services.length === 0) {
    report("warning", "IST0174", ["spec", "host"], `no service has host ${host}`);
    return;
  }
  checkSubsets(spec, services, mesh, report);
  for (const { policy, path } of policiesOf(spec)) {
    const { tls } = policy;
    if (tls?.credentialName !== undefined)
      checkCredential(tls.credentialName.replace(/^kubernetes:\/\//, ""), tls.mode, metadata.namespace, mesh, (message) =>
        report("warning", "IST0101", [...path, "tls", "credentialName"], message),
      );
    if ("port" in policy && !services.some(({ ports }) => ports.some(({ number }) => number === policy.port.number)))
      report("warning", "IST0101", [...path, "port", "number"], `${host} has no port ${policy.port.number}`);
  }
}

function checkSubsets({ subsets }: DestinationRuleSpec, services: readonly Service[], mesh: MeshView, report: Report): void {
  const listed = services.filter(({ resolution }) => resolution !== "none").flatMap((service) => mesh.endpointsOf(service));
  if (listed.length === 0) return;
  for (const [index, { name, labels }] of subsets.entries()) {
    if (!listed.some((endpoint) => selects(labels, endpoint.labels)))
      report(
        "warning",
        "IST0173",
        ["spec", "subsets", index, "labels"],
        `no endpoint has the labels of subset ${name}; requests for it get 503 (no healthy upstream)`,
      );
  }
}

function checkCredential(name: string, mode: string, namespace: string, mesh: MeshView, warn: (message: string) => void): void {
  const secret = mesh.secret(namespace, name);
  if (secret === undefined && mesh.secret(namespace, `${name}-cacert`) === undefined) warn(`there is no Secret ${namespace}/${name}`);
  else if (mode === "MUTUAL" && secret?.certificate === undefined)
    warn(`Secret ${namespace}/${name} has no certificate, which MUTUAL shows`);
}
