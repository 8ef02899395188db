import type { Policy } from "./policy.ts";

/** Which tokens workloads take, in the words of Istio's RequestAuthentication. */
export type RequestAuthentication = Policy;
