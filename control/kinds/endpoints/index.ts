import type { Kind } from "../../model/index.ts";
import { check, checkInMesh } from "./check.ts";
import { contribute } from "./contribution.ts";
import { type EndpointsSpec, fields } from "./fields.ts";

/** Addresses behind a Service, the older form: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoints-v1/ */
export const endpoints: Kind<EndpointsSpec> = {
  kind: "Endpoints",
  group: "",
  versions: ["v1"],
  body: "document",
  fields,
  check,
  contribute,
  checkInMesh,
};
