import { Code, type MeshObject, type Report } from "../../model/index.ts";
import type { PeerAuthenticationSpec } from "./fields.ts";

/** Istio's `ValidatePeerAuthentication`. */
export function check({ spec }: MeshObject<PeerAuthenticationSpec>, report: Report): void {
  const { selector, portLevelMtls } = spec;
  const selectsAll = Object.keys(selector?.matchLabels ?? {}).length === 0;
  if (selector !== undefined && selectsAll)
    report("warning", "IST0133", ["spec", "selector"], "a selector without labels selects every workload of the namespace");
  if (portLevelMtls === undefined) return;
  const path = ["spec", "portLevelMtls"];
  if (Object.keys(portLevelMtls).length === 0) report("error", Code.Value, path, "must not be empty; leave the field out instead");
  else if (selectsAll)
    report("error", Code.Value, path, "single ports need a selector: a policy for a namespace or the mesh holds for whole workloads");
}
