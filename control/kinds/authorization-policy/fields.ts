import { choice, defaulted, list, object, optional, refused, required, text } from "../../model/fields/index.ts";
import { typedWorkloadSelector } from "../../model/parts/index.ts";
import { rule } from "./rule-fields.ts";

const GATEWAY_API = "objects of the Gateway API are not read; write a selector";

export const action = choice("ALLOW", "DENY", "AUDIT", "CUSTOM");
export const selector = typedWorkloadSelector;

/** `istio.security.v1beta1.AuthorizationPolicy`. */
export const fields = object({
  selector: optional(selector, "Workloads that it is for. Default: all of the namespace; in the root namespace all of the mesh."),
  targetRef: refused(GATEWAY_API),
  targetRefs: refused(GATEWAY_API),
  action: defaulted(
    action,
    "ALLOW",
    "Of what a rule matches. CUSTOM asks `provider`, then DENY denies, then one ALLOW policy must match where there are any. AUDIT only marks.",
  ),
  provider: optional(
    object({ name: required(text(), "One of MeshConfig's `extensionProviders`.") }),
    "Who is asked; of CUSTOM, and nothing else.",
  ),
  rules: optional(
    list(rule),
    "One must match; an empty rule matches everything. Without any the policy never matches: as ALLOW it denies everything.",
  ),
});

export type AuthorizationPolicySpec = NonNullable<ReturnType<typeof fields.read>>;
