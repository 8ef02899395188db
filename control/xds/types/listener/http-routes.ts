import { scopedRoutes } from "../scope/hcm.ts";
import type {
  HttpConnectionManagerSchema,
  HttpFilterSchema,
} from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type { Init } from "./init.ts";

type Manager = Init<typeof HttpConnectionManagerSchema>;
type HttpFilter = Init<typeof HttpFilterSchema>;

/** Where an HTTP connection manager has its routes from. */
export interface HttpRoutes {
  readonly routeSpecifier: NonNullable<Manager["routeSpecifier"]>;
  /** What is done to headers before the first route is looked for. */
  readonly earlyHeaderMutationExtensions?: NonNullable<Manager["earlyHeaderMutationExtensions"]>;
  /** Filters that find the routes, in front of all others. */
  readonly firstFilters?: readonly HttpFilter[];
  /** Filters that carry out what routes say, right before the router. */
  readonly lastFilters?: readonly HttpFilter[];
}

/** Routes of all hosts on a port of sidecars; of a socket of the file system its path stands for the port. */
export function outboundRoutes(bind: string, port: number): HttpRoutes {
  return scopedRoutes(port === 0 ? bind : `${port}`);
}
