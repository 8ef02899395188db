export * from "../sdk/exports/stateful";
export * from "../sdk/exports/request-headers";

import { register } from "../sdk";
import { AuthorizationRoot } from "./root";

register("authorization", () => new AuthorizationRoot());
