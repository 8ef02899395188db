import type { Kind } from "../../model/index.ts";
import { check } from "./check.ts";
import { checkInMesh } from "./check-in-mesh.ts";
import { contribute } from "./contribution.ts";
import { type AuthorizationPolicySpec, fields } from "./fields.ts";
import { standIn } from "./stand-in.ts";

/** Who may do what: https://istio.io/latest/docs/reference/config/security/authorization-policy/ */
export const authorizationPolicy: Kind<AuthorizationPolicySpec> = {
  kind: "AuthorizationPolicy",
  group: "security.istio.io",
  versions: ["v1", "v1beta1"],
  body: "spec",
  fields,
  check,
  standIn,
  contribute,
  checkInMesh,
};
