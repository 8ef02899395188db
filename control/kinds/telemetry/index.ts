import type { Kind } from "../../model/index.ts";
import { check } from "./check.ts";
import { checkInMesh } from "./check-in-mesh.ts";
import { contribute } from "./contribution.ts";
import { fields, type TelemetrySpec } from "./fields.ts";

/** What is measured, logged and traced: https://istio.io/latest/docs/reference/config/telemetry/ */
export const telemetry: Kind<TelemetrySpec> = {
  kind: "Telemetry",
  group: "telemetry.istio.io",
  versions: ["v1", "v1alpha1"],
  body: "spec",
  fields,
  check,
  contribute,
  checkInMesh,
};
