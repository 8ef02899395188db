import type { Policy } from "./policy.ts";

/** Changes to what proxies would get, in the words of Istio's EnvoyFilter. */
export type EnvoyFilter = Policy;
