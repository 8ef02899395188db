import type { SidecarEgress } from "../../../model/index.ts";

/** The route configuration of MeshConfig's `proxyHttpPort` (Istio's `RDSHttpProxy`). */
export const HTTP_PROXY = "http_proxy";

/**
 * The route configuration of a Sidecar's listener that stands for all ports at once, because its own says nothing: a socket of the file system, or an HTTP proxy (`protocol: HTTP_PROXY`). Undefined of the others: clients
 * come to those as to the services themselves.
 */
export function allPortsName({ port, bind }: Pick<SidecarEgress, "port" | "bind">): string | undefined {
  if (bind?.startsWith("unix://") === true) return bind;
  return port?.httpProxy === true ? `${port.number}` : undefined;
}
