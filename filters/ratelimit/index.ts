export * from "../sdk/exports/stateful";
export * from "../sdk/exports/request-headers";
export * from "../sdk/exports/response-headers";

import { register } from "../sdk";
import { RateLimitRoot } from "./root";

register("ratelimit", () => new RateLimitRoot());
