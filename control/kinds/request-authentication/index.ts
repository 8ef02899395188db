import type { Kind } from "../../model/index.ts";
import { check } from "./check.ts";
import { checkInMesh } from "./check-in-mesh.ts";
import { contribute } from "./contribution.ts";
import { standIn } from "./stand-in.ts";
import { fields, type RequestAuthenticationSpec } from "./fields.ts";

/** Which tokens workloads take: https://istio.io/latest/docs/reference/config/security/request_authentication/ */
export const requestAuthentication: Kind<RequestAuthenticationSpec> = {
  kind: "RequestAuthentication",
  group: "security.istio.io",
  versions: ["v1", "v1beta1"],
  body: "spec",
  fields,
  check,
  standIn,
  contribute,
  checkInMesh,
};
