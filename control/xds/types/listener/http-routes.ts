import type { Client, HostName } from "../../../model/index.ts";
import { HTTP_PROXY } from "../route/socket.ts";
import { sniffedRouteName } from "../route/route-name.ts";
import { type HttpRouting, plainRoutes, scopedRoutes } from "../scope/hcm.ts";

/** Where an HTTP connection manager has its routes from; filters only where the routes need some. */
export type HttpRoutes = Pick<HttpRouting, "routeSpecifier"> & Partial<HttpRouting>;

/** Routes of all hosts on a port of sidecars, or of one host at its own address; of a socket of the file system those of all ports. */
export function outboundRoutes({ onDemand }: Pick<Client, "onDemand">, bind: string, port: number, host: HostName | undefined): HttpRoutes {
  if (host === HTTP_PROXY) return plainRoutes(HTTP_PROXY, { onDemand });
  if (port === 0) return plainRoutes(bind, { onDemand });
  return host === undefined ? scopedRoutes(`${port}`, { onDemand }) : plainRoutes(sniffedRouteName(host, port), { onDemand });
}
