import type { FilterSettings } from "./index.ts";

/** AuthorizationPolicies of the proxy's workload. */
export const authorization: FilterSettings = () => undefined;
