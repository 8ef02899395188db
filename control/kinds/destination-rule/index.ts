import type { Kind } from "../../model/index.ts";
import { checkInMesh } from "./check-in-mesh.ts";
import { check } from "./check.ts";
import { contribute } from "./contribution.ts";
import { type DestinationRuleSpec, fields } from "./fields.ts";

/** How connections to a host are made and kept: https://istio.io/latest/docs/reference/config/networking/destination-rule/ */
export const destinationRule: Kind<DestinationRuleSpec> = {
  kind: "DestinationRule",
  group: "networking.istio.io",
  versions: ["v1", "v1beta1", "v1alpha3"],
  body: "spec",
  fields,
  check,
  contribute,
  checkInMesh,
};
