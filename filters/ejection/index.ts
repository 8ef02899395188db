export * from "../sdk/exports/stateful";
export * from "../sdk/exports/http-callout";
export * from "../sdk/exports/response-body";
export * from "../sdk/exports/response-headers";
export * from "../sdk/exports/response-trailers";
export * from "../sdk/exports/tick";

import { register } from "../sdk";
import { EjectionRoot } from "./root";

register("ejection", () => new EjectionRoot());
