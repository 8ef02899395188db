export * from "../sdk/exports/stateful";
export * from "../sdk/exports/request-headers";
export * from "../sdk/exports/response-headers";
export * from "../sdk/exports/tick";

import { register } from "../sdk";
import { FaultRoot } from "./root";

register("fault", () => new FaultRoot());
