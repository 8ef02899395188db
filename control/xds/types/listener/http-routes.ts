import type { HostName } from "../../../model/index.ts";
import { sniffedRouteName } from "../route/route-name.ts";
import { type HttpRouting, scopedRoutes } from "../scope/hcm.ts";

/** Where an HTTP connection manager has its routes from; filters only where the routes need some. */
export type HttpRoutes = Pick<HttpRouting, "routeSpecifier"> & Partial<HttpRouting>;

/** Routes of all hosts on a port of sidecars, or of one host at its own address; of a socket of the file system its path stands for the port. */
export function outboundRoutes(bind: string, port: number, host: HostName | undefined): HttpRoutes {
  return scopedRoutes(port === 0 ? bind : host === undefined ? `${port}` : sniffedRouteName(host, port));
}
