import type { MeshObject } from "../../model/index.ts";
import type { AuthorizationPolicySpec } from "./fields.ts";

/** https://istio.io/latest/docs/reference/config/annotations/#IoIstioDryRun */
export const DRY_RUN = "istio.io/dry-run";

/** Go's `strconv.ParseBool`. */
const TRUE: readonly string[] = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE: readonly string[] = ["0", "f", "F", "FALSE", "false", "False"];

/** Whether a policy only shows what it would do; undefined where its annotation is neither true nor false, in which case it decides, as in Istio. */
export function isDryRun({
  metadata,
  spec,
}: Pick<MeshObject<Pick<AuthorizationPolicySpec, "action">>, "metadata" | "spec">): boolean | undefined {
  const value = metadata.annotations[DRY_RUN];
  if (value === undefined || FALSE.includes(value)) return false;
  if (!TRUE.includes(value)) return undefined;
  // Istio asks the providers of CUSTOM all the same, and AUDIT decides nothing anyway.
  return spec.action === "ALLOW" || spec.action === "DENY";
}
