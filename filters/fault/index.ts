export * from "../sdk/exports/stateful";
export * from "../sdk/exports/request-headers";
// A request that is held back stays so where `allow_on_headers_stop_iteration` lets its body come meanwhile.
export * from "../sdk/exports/request-body";
export * from "../sdk/exports/request-trailers";
export * from "../sdk/exports/response-headers";
export * from "../sdk/exports/tick";

import { register } from "../sdk";
import { FaultRoot } from "./root";

register("fault", () => new FaultRoot());
