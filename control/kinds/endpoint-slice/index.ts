import type { Kind } from "../../model/index.ts";
import { check, checkInMesh } from "./check.ts";
import { contribute } from "./contribution.ts";
import { type EndpointSliceSpec, fields } from "./fields.ts";

/** Addresses behind a Service: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/ */
export const endpointSlice: Kind<EndpointSliceSpec> = {
  kind: "EndpointSlice",
  group: "discovery.k8s.io",
  versions: ["v1", "v1beta1"],
  body: "document",
  fields,
  check,
  contribute,
  checkInMesh,
};
