import { isIP } from "node:net";
import { Code, type MeshObject, type MeshView, type Report, selects } from "../../model/index.ts";
import { wrongDomain } from "../../model/parts/index.ts";
import type { WorkloadEntrySpec } from "./fields.ts";

/** Istio's `validateWorkloadEntry`. */
export function check({ spec }: MeshObject<WorkloadEntrySpec>, report: Report): void {
  const { address, network, ports } = spec;
  if (address === undefined) {
    if (network === undefined) report("error", Code.Missing, ["spec"], `"address" is missing`);
    else
      report(
        "warning",
        Code.Missing,
        ["spec"],
        `"address" is missing; endpoints behind the gateway of a network are not supported, so this entry has no effect`,
      );
    return;
  }
  if (address.startsWith("unix://")) {
    const path = address.slice("unix://".length);
    if (!path.startsWith("/") && !path.startsWith("@"))
      report("error", Code.Value, ["spec", "address"], "the path of a unix socket must be absolute, or abstract with @");
    if (ports !== undefined && Object.keys(ports).length > 0)
      report("error", Code.Exclusive, ["spec", "ports"], "a unix socket has no ports");
  } else if (isIP(address) === 0 && wrongDomain(address) !== undefined) {
    report(
      "error",
      Code.Value,
      ["spec", "address"],
      `${JSON.stringify(address)} is neither an IP address nor a domain name nor unix://PATH`,
    );
  }
}

export function checkInMesh(object: MeshObject<WorkloadEntrySpec>, mesh: MeshView, report: Report): void {
  const { metadata, spec } = object;
  const labels = { ...metadata.labels, ...spec.labels };
  const services = mesh
    .services()
    .filter(({ namespace, selector }) => namespace === metadata.namespace && selector !== undefined && selects(selector, labels));
  if (services.length === 0) report("info", Code.Unreachable, ["spec"], "no Service or ServiceEntry of its namespace selects this entry");
}
