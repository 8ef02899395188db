import type { Kind } from "../../model/index.ts";
import { check, checkInMesh } from "./check.ts";
import { contribute } from "./contribution.ts";
import { fields, type ServiceSpec } from "./fields.ts";

/** Something that can be called: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/ */
export const service: Kind<ServiceSpec> = {
  kind: "Service",
  group: "",
  versions: ["v1"],
  body: "spec",
  fields,
  check,
  contribute,
  checkInMesh,
};
