import type { Kind } from "../../model/index.ts";
import { check } from "./check.ts";
import { checkInMesh } from "./check-in-mesh.ts";
import { contribute } from "./contribution.ts";
import { fields, type PeerAuthenticationSpec } from "./fields.ts";

/** Who may connect to workloads: https://istio.io/latest/docs/reference/config/security/peer_authentication/ */
export const peerAuthentication: Kind<PeerAuthenticationSpec> = {
  kind: "PeerAuthentication",
  group: "security.istio.io",
  versions: ["v1", "v1beta1"],
  body: "spec",
  fields,
  check,
  contribute,
  checkInMesh,
};
