import { Code, type MeshObject, type MeshView, readJwksUri, type Report } from "../../model/index.ts";
import { checkSelected } from "../../model/parts/index.ts";
import type { RequestAuthenticationSpec } from "./fields.ts";

export function checkInMesh({ metadata, spec }: MeshObject<RequestAuthenticationSpec>, mesh: MeshView, report: Report): void {
  const labels = spec.selector?.matchLabels ?? {};
  checkSelected({ namespace: metadata.namespace, labels }, mesh, ["spec", "selector"], report);
  for (const [index, { jwksUri }] of spec.jwtRules.entries())
    if (jwksUri !== undefined) checkServer(jwksUri, mesh, ["spec", "jwtRules", index, "jwksUri"], report);
}

/** Proxies know where the services of the mesh are; for all other hosts they ask DNS, which may not know the names of services. */
function checkServer(text: string, mesh: MeshView, path: readonly (string | number)[], report: Report): void {
  const uri = readJwksUri(text);
  if (typeof uri === "string") return;
  const services = mesh.servicesOf(uri.host);
  if (services.length === 0 || services.some(({ ports }) => ports.some(({ number }) => number === uri.port))) return;
  const ports = services.flatMap((service) => service.ports.map(({ number }) => number)).join(", ");
  report(
    "warning",
    Code.Surprise,
    path,
    `${uri.host} is a service of the mesh without port ${uri.port} (it has ${ports}), so DNS is asked where it is`,
  );
}
