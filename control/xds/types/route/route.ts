import type { RouteSchema } from "../../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import type { Init } from "./init.ts";
import type { RouteMatch } from "./match.ts";

export type Route = Omit<Init<typeof RouteSchema>, "match"> & { readonly match: RouteMatch };
