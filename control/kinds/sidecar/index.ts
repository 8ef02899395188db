import type { Kind } from "../../model/index.ts";
import { check } from "./check.ts";
import { checkInMesh } from "./check-in-mesh.ts";
import { contribute } from "./contribution.ts";
import { fields, type SidecarSpec } from "./fields.ts";

/** What the proxy beside a workload serves: https://istio.io/latest/docs/reference/config/networking/sidecar/ */
export const sidecar: Kind<SidecarSpec> = {
  kind: "Sidecar",
  group: "networking.istio.io",
  versions: ["v1", "v1beta1", "v1alpha3"],
  body: "spec",
  fields,
  check,
  contribute,
  checkInMesh,
};
