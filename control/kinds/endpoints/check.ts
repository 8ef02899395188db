import { isIP } from "node:net";
import { Code, type MeshObject, type MeshView, type Report } from "../../model/index.ts";
import type { EndpointsSpec } from "./fields.ts";

export function check({ spec }: MeshObject<EndpointsSpec>, report: Report): void {
  for (const [index, subset] of spec.subsets.entries()) {
    for (const list of ["addresses", "notReadyAddresses"] as const) {
      for (const [place, { ip }] of subset[list].entries()) {
        if (isIP(ip) === 0) report("error", Code.Value, ["subsets", index, list, place, "ip"], `${JSON.stringify(ip)} is no IP address`);
      }
    }
  }
}

export function checkInMesh({ metadata }: MeshObject<EndpointsSpec>, mesh: MeshView, report: Report): void {
  const host = `${metadata.name}.${metadata.namespace}.svc.${mesh.settings.domainSuffix}`;
  if (mesh.servicesOf(host).length === 0)
    report("warning", "IST0101", ["metadata", "name"], `there is no Service ${metadata.namespace}/${metadata.name}`);
}
