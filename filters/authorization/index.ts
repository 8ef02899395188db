export * from "../sdk/exports/stateful";
export * from "../sdk/exports/request-headers";
export * from "../sdk/exports/http-callout";

import { register } from "../sdk";
import { AuthorizationRoot } from "./root";

register("authorization", () => new AuthorizationRoot());
