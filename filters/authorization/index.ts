export * from "../sdk/exports/stateful";
export * from "../sdk/exports/request-headers";
export * from "../sdk/exports/request-body";
export * from "../sdk/exports/request-trailers";
export * from "../sdk/exports/response-headers";
export * from "../sdk/exports/http-callout";
export * from "../sdk/exports/grpc-callout";

import { register } from "../sdk";
import { AuthorizationRoot } from "./root";

register("authorization", () => new AuthorizationRoot());
