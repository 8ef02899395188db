import type { Gateway } from "./gateway.ts";
import type { PeerAuthentication } from "./peer-authentication.ts";
import type { Plugin } from "./plugin.ts";
import type { Policies, PolicyKind } from "./policies.ts";
import type { Routing } from "./routing.ts";
import type { Secret } from "./secret.ts";
import type { EndpointList, Service, Workload } from "./service.ts";
import type { MeshSettings, ProxySettingsOverride } from "./settings.ts";
import type { SidecarScope } from "./sidecar.ts";
import type { TrafficRules } from "./traffic-policy.ts";

/** What one object adds to the mesh. A kind fills in what it has; several kinds may add the same sort of thing. */
export interface Contribution {
  readonly services?: readonly Service[];
  readonly endpoints?: readonly EndpointList[];
  readonly workloads?: readonly Workload[];
  readonly routings?: readonly Routing[];
  readonly trafficRules?: readonly TrafficRules[];
  readonly gateways?: readonly Gateway[];
  readonly sidecars?: readonly SidecarScope[];
  readonly secrets?: readonly Secret[];
  readonly settings?: MeshSettings;
  readonly proxySettings?: readonly ProxySettingsOverride[];
  readonly plugins?: readonly Plugin[];
  readonly peerAuthentications?: readonly PeerAuthentication[];
  readonly policies?: readonly Policies[PolicyKind][];
}
