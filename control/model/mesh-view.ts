import type { Gateway } from "./gateway.ts";
import type { HostName } from "./host.ts";
import type { MeshObject } from "./object.ts";
import type { Peer } from "./peer.ts";
import type { PeerAuthentication } from "./peer-authentication.ts";
import type { ModuleState, Plugin } from "./plugin.ts";
import type { Policies, PolicyKind } from "./policies.ts";
import type { IssuerKeys } from "./request-authentication.ts";
import type { Routing } from "./routing.ts";
import type { Secret } from "./secret.ts";
import type { Endpoint, Service, Workload } from "./service.ts";
import type { MeshSettings } from "./settings.ts";
import type { SidecarScope } from "./sidecar.ts";
import type { TrafficRules } from "./traffic-policy.ts";

/** All that is in the mesh, whoever may see it: for checks across objects. Lists are in the order of `compareAge`. */
export interface MeshView {
  readonly settings: MeshSettings;
  /** Every object that was accepted, by kind. */
  objects(kind: string): readonly MeshObject[];
  services(): readonly Service[];
  /** Those of exactly this host name, of all namespaces. */
  servicesOf(host: HostName): readonly Service[];
  endpointsOf(service: Service): readonly Endpoint[];
  workloads(): readonly Workload[];
  routings(): readonly Routing[];
  trafficRules(): readonly TrafficRules[];
  gateways(): readonly Gateway[];
  sidecars(): readonly SidecarScope[];
  secret(namespace: string, name: string): Secret | undefined;
  plugins(): readonly Plugin[];
  /** What became of the request for a module, by its key; undefined while nobody knows. */
  module(key: string): ModuleState | undefined;
  peerAuthentications(): readonly PeerAuthentication[];
  policies<Kind extends PolicyKind>(kind: Kind): readonly Policies[Kind][];
  /** What an issuer of tokens said of its keys; undefined where it has not been asked. */
  issuerKeys(issuer: string): IssuerKeys | undefined;
  /** Proxies that connected, as far as connections of others end at them. Labels of their workloads are among theirs. */
  peers(): readonly Peer[];
}
