export * from "../sdk/exports/stateful";
export * from "../sdk/exports/request-headers";
export * from "../sdk/exports/request-body";
export * from "../sdk/exports/request-trailers";
export * from "../sdk/exports/response-headers";
export * from "../sdk/exports/response-body";
export * from "../sdk/exports/response-trailers";
export * from "../sdk/exports/log";
export * from "../sdk/exports/http-callout";
export * from "../sdk/exports/grpc-callout";
export * from "../sdk/exports/tick";

import { register } from "../sdk";
import { Chain } from "./catalogue";
import { MeshRoot } from "./root";

register("downstream", () => new MeshRoot(Chain.Downstream));
register("upstream", () => new MeshRoot(Chain.Upstream));
