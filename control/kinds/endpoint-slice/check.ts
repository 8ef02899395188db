import { isIP } from "node:net";
import { Code, type MeshObject, type MeshView, type Report } from "../../model/index.ts";
import { SERVICE_NAME } from "./contribution.ts";
import type { EndpointSliceSpec } from "./fields.ts";

export function check({ metadata, spec }: MeshObject<EndpointSliceSpec>, report: Report): void {
  if (metadata.labels[SERVICE_NAME] === undefined)
    report("warning", Code.Metadata, ["metadata"], `label "${SERVICE_NAME}" is missing, so these are nobody's endpoints`);
  if (spec.addressType === "FQDN") {
    report(
      "warning",
      Code.Value,
      ["addressType"],
      "endpoints by names of DNS are left out; a ServiceEntry with resolution DNS can have them",
    );
    return;
  }
  const version = spec.addressType === "IPv4" ? 4 : 6;
  for (const [index, { addresses }] of spec.endpoints.entries()) {
    for (const [place, address] of addresses.entries()) {
      if (isIP(address) !== version)
        report(
          "error",
          Code.Value,
          ["endpoints", index, "addresses", place],
          `${JSON.stringify(address)} is no ${spec.addressType} address`,
        );
    }
  }
}

export function checkInMesh({ metadata }: MeshObject<EndpointSliceSpec>, mesh: MeshView, report: Report): void {
  const name = metadata.labels[SERVICE_NAME];
  if (name === undefined) return;
  const host = `${name}.${metadata.namespace}.svc.${mesh.settings.domainSuffix}`;
  if (mesh.servicesOf(host).length === 0)
    report("warning", "IST0101", ["metadata", "labels", SERVICE_NAME], `there is no Service ${metadata.namespace}/${name}`);
}
