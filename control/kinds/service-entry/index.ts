import type { Kind } from "../../model/index.ts";
import { check, checkInMesh } from "./check.ts";
import { contribute } from "./contribution.ts";
import { fields, type ServiceEntrySpec } from "./fields.ts";

/** A service that Kubernetes does not know: https://istio.io/latest/docs/reference/config/networking/service-entry/ */
export const serviceEntry: Kind<ServiceEntrySpec> = {
  kind: "ServiceEntry",
  group: "networking.istio.io",
  versions: ["v1", "v1beta1", "v1alpha3"],
  body: "spec",
  fields,
  check,
  contribute,
  checkInMesh,
};
