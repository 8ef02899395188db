import type { AuthorizationPolicy } from "./authorization-policy.ts";
import type { EnvoyFilter } from "./envoy-filter.ts";
import type { Labels } from "./labels.ts";
import type { MeshObject } from "./object.ts";
import type { RequestAuthentication } from "./request-authentication.ts";
import type { Telemetry } from "./telemetry.ts";

/** What holds for the workloads that it selects. */
export interface Policy {
  readonly name: string;
  readonly namespace: string;
  /** Empty: every workload of the namespace; in the root namespace every one of the mesh. */
  readonly selector: Labels;
  readonly object: MeshObject;
}

/** Policies by the kind of their object. */
export interface Policies {
  readonly RequestAuthentication: RequestAuthentication;
  readonly AuthorizationPolicy: AuthorizationPolicy;
  readonly Telemetry: Telemetry;
  readonly EnvoyFilter: EnvoyFilter;
}

export type PolicyKind = keyof Policies;
