export * from "../sdk/exports/stateless";
export * from "../sdk/exports/request-headers";
// A request that waits for keys stays where it is, also where `allow_on_headers_stop_iteration` brings its body meanwhile.
export * from "../sdk/exports/request-body";
export * from "../sdk/exports/request-trailers";
export * from "../sdk/exports/http-callout";
export * from "../sdk/exports/tick";

import { register } from "../sdk";
import { AuthenticationRoot } from "./root";

register("authentication", () => new AuthenticationRoot());
