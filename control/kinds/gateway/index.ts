import type { Kind } from "../../model/index.ts";
import { check } from "./check.ts";
import { checkInMesh } from "./check-in-mesh.ts";
import { contribute } from "./contribution.ts";
import { fields, type GatewaySpec } from "./fields.ts";

/** Where proxies at the edge of the mesh listen: https://istio.io/latest/docs/reference/config/networking/gateway/ */
export const gateway: Kind<GatewaySpec> = {
  kind: "Gateway",
  group: "networking.istio.io",
  versions: ["v1", "v1beta1", "v1alpha3"],
  body: "spec",
  fields,
  check,
  contribute,
  checkInMesh,
};
