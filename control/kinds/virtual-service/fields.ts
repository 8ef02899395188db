import { defaulted, type Infer, list, object, optional, text } from "../../model/fields/index.ts";
import { exportTo, wrongWildcardDomain } from "../../model/parts/index.ts";
import { isIP } from "node:net";
import { gatewayName, MESH_GATEWAY } from "./gateway-name.ts";
import { connectionDestination, httpRoute } from "./http-fields.ts";
import { tcpMatch, tlsMatch } from "./match-fields.ts";

const host = text({ shape: "host name", check: (value) => (isIP(value) === 0 ? wrongWildcardDomain(value) : undefined) });

/** https://istio.io/latest/docs/reference/config/networking/virtual-service/ */
export const fields = object({
  hosts: defaulted(
    list(host),
    [],
    "Hosts whose routes these are; a name without a dot is that of a service in the object's namespace. None: a delegate.",
  ),
  gateways: defaulted(list(gatewayName), [MESH_GATEWAY], "Gateways that have these routes, `mesh` for sidecars. Default: mesh."),
  http: defaulted(list(httpRoute), [], "Routes of requests; the first that matches decides."),
  tls: defaulted(
    list(
      object({
        match: defaulted(list(tlsMatch), [], "Alternatives; all conditions of one must hold."),
        route: defaulted(list(connectionDestination), [], "Where connections go."),
      }),
    ),
    [],
    "Routes of TLS that is passed on, by SNI.",
  ),
  tcp: defaulted(
    list(
      object({
        match: defaulted(list(tcpMatch), [], "Alternatives; all conditions of one must hold. None: every connection."),
        route: defaulted(list(connectionDestination), [], "Where connections go."),
      }),
    ),
    [],
    "Routes of other connections.",
  ),
  exportTo: optional(exportTo, "Namespaces in which the object holds. Default: the mesh's `defaultVirtualServiceExportTo`, all."),
});

export type VirtualServiceSpec = Infer<typeof fields>;
export type HttpRouteSpec = VirtualServiceSpec["http"][number];
export type HttpMatchSpec = HttpRouteSpec["match"][number];
