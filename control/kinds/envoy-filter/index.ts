import type { Kind } from "../../model/index.ts";
import { check, type Values } from "./check.ts";
import { checkInMesh } from "./check-in-mesh.ts";
import { contribute } from "./contribution.ts";
import { type EnvoyFilterSpec, fields } from "./fields.ts";

export type { Values } from "./check.ts";

/** Patches to what proxies would get: https://istio.io/latest/docs/reference/config/networking/envoy-filter/ */
export function envoyFilter(values: Values): Kind<EnvoyFilterSpec> {
  return {
    kind: "EnvoyFilter",
    group: "networking.istio.io",
    versions: ["v1alpha3"],
    body: "spec",
    fields,
    check: (object, report) => {
      check(object, report, values);
    },
    contribute,
    checkInMesh,
  };
}
