import type { Kind } from "../../model/index.ts";
import { checkInMesh } from "./check-in-mesh.ts";
import { check } from "./check.ts";
import { contribute } from "./contribution.ts";
import { fields, type VirtualServiceSpec } from "./fields.ts";

/** How requests and connections to a host are routed: https://istio.io/latest/docs/reference/config/networking/virtual-service/ */
export const virtualService: Kind<VirtualServiceSpec> = {
  kind: "VirtualService",
  group: "networking.istio.io",
  versions: ["v1", "v1beta1", "v1alpha3"],
  body: "spec",
  fields,
  check,
  contribute,
  checkInMesh,
};
