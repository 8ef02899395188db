export * from "../sdk/exports/stateful";
export * from "../sdk/exports/request-headers";
export * from "../sdk/exports/http-callout";
export * from "../sdk/exports/tick";

import { register } from "../sdk";
import { AuthenticationRoot } from "./root";

register("authentication", () => new AuthenticationRoot());
