import type { Policy } from "./policy.ts";

/** Who may do what, in the words of Istio's AuthorizationPolicy. */
export type AuthorizationPolicy = Policy;
