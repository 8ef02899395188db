import type { Client, HostName } from "../../../model/index.ts";
import { sniffedRouteName } from "../route/route-name.ts";
import { type HttpRouting, plainRoutes, scopedRoutes } from "../scope/hcm.ts";

/** Where an HTTP connection manager has its routes from; filters only where the routes need some. */
export type HttpRoutes = Pick<HttpRouting, "routeSpecifier"> & Partial<HttpRouting>;

/** Whose routes a connection manager has: every host's of its port; of one host, at its own address; or every host's of every port, by the name of their route configuration. */
export interface OutboundRoutes {
  readonly host: HostName | undefined;
  readonly allPorts?: string | undefined;
}

export function outboundRoutes({ onDemand }: Pick<Client, "onDemand">, port: number, { host, allPorts }: OutboundRoutes): HttpRoutes {
  if (allPorts !== undefined) return plainRoutes(allPorts, { onDemand });
  return host === undefined ? scopedRoutes(`${port}`, { onDemand }) : plainRoutes(sniffedRouteName(host, port), { onDemand });
}
