export * from "../sdk/exports/stateful";
export * from "../sdk/exports/request-headers";
export * from "../sdk/exports/response-headers";
export * from "../sdk/exports/log";

import { register } from "../sdk";
import { TelemetryRoot } from "./root";

register("telemetry", () => new TelemetryRoot());
