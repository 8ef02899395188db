import type { AuthorizationPolicy } from "./authorization-policy.ts";
import type { EnvoyFilter } from "./envoy-filter.ts";
import type { RequestAuthentication } from "./request-authentication.ts";
import type { Telemetry } from "./telemetry.ts";

/** Policies by the kind of their object. */
export interface Policies {
  readonly RequestAuthentication: RequestAuthentication;
  readonly AuthorizationPolicy: AuthorizationPolicy;
  readonly Telemetry: Telemetry;
  readonly EnvoyFilter: EnvoyFilter;
}

export type PolicyKind = keyof Policies;
