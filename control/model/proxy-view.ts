import type { Gateway } from "./gateway.ts";
import type { HealthReportTarget, HostMark } from "./host-health.ts";
import type { HostName } from "./host.ts";
import type { Labels } from "./labels.ts";
import type { MtlsMode, WorkloadMtls } from "./peer-authentication.ts";
import type { ModuleState, Plugin } from "./plugin.ts";
import type { Policies, PolicyKind } from "./policies.ts";
import type { IpMode, Proxy } from "./proxy.ts";
import type { JwksUri } from "./request-authentication.ts";
import type { HttpRoute, Routing } from "./routing.ts";
import type { Secret } from "./secret.ts";
import type { Endpoint, Locality, Service, ServicePort } from "./service.ts";
import type { MeshSettings, OwnSettings, ProxySettings } from "./settings.ts";
import type { SidecarScope } from "./sidecar.ts";
import type { TrafficRules } from "./traffic-policy.ts";

/**
 * The mesh as one proxy sees it, which is all that its configuration is made of. Every method is a fact by its arguments: values are immutable and the same object
 * as long as nothing about them changed. What is translated records the facts that it read, so it is made again only when one of them is another, and is shared by
 * all proxies for which they are the same. Read no more of it than is needed: whoever reads `proxy` shares with no one.
 */
export interface ProxyView {
  /** The one proxy; for what stands before its own workload, and what depends on its version and modules. */
  proxy(): Proxy;
  /** A text of the proxy's metadata; undefined where it has none by that key. Shared with those that have the same. */
  metadata(key: string): string | undefined;
  /** What many proxies have in common. */
  client(): Client;
  settings(): MeshSettings;
  proxySettings(): ProxySettings;

  /** Hosts of the services that the proxy may call, sorted: exported to its namespace and imported by its Sidecar. Of two with a host, the one in the proxy's namespace counts, else the oldest. */
  hosts(): readonly HostName[];
  service(host: HostName): Service | undefined;
  /** The hosts behind a service, in the order of their addresses. */
  endpoints(host: HostName): readonly Endpoint[];
  /** Identities that the endpoints of a service may have; empty where nothing is known of any. */
  identities(host: HostName): Identities;
  /** What the workload behind an endpoint takes on a port of it, whether or not a proxy stands before it. */
  endpointMtls(endpoint: Endpoint, port: number): MtlsMode;
  /**
   * Rules for how to connect to a host, merged: of the client's namespace, else of the service's, else of the root namespace; exact hosts hide wildcards. For `inbound`, how a proxy connects to its own workload, rules
   * that select clients do not count.
   */
  trafficRules(host: HostName, side?: "outbound" | "inbound"): TrafficRules | undefined;

  /**
   * Rules for how a sidecar routes to a host: of the oldest object whose hosts name or cover it, visible and bound to `mesh`; delegates put in their place; matches for other
   * namespaces, labels and gateways taken out. Ports are still there.
   */
  routing(host: HostName): Routing | undefined;
  /** Hosts of routings that are no service and no wildcard over one: a sidecar serves them too. Sorted. */
  routedHosts(): readonly HostName[];

  /** Whether some routing of the mesh mirrors requests to a host. */
  isMirrored(host: HostName): boolean;

  /** The Sidecar in force; undefined where none is. */
  sidecar(): SidecarScope | undefined;
  /** What clients call this proxy's workload by. */
  inbound(): Inbound;
  /** What this proxy's workload takes. */
  mtls(): WorkloadMtls;

  /** Gateways whose selector picks this proxy, oldest first. */
  gateways(): readonly Gateway[];
  /** Hosts that routings serve through a gateway (`namespace/name`), within the hosts of its servers, or of that with the given index. Sorted. */
  gatewayHosts(gateway: string, server?: number): readonly HostName[];
  /** What routings say of exactly this host on a gateway, in the order of their age, delegates put in their place, matches for other gateways taken out. */
  gatewayRouting(gateway: string, host: HostName, server?: number): GatewayRouting | undefined;

  /** A secret of the proxy's own namespace. */
  secret(name: string): Secret | undefined;
  /** Certificates that the workloads of the mesh trust, PEM, one text each; none where the mesh has no authority. */
  roots(): readonly string[];
  /** Filters for this proxy, by phase, then priority (highest first), then age. */
  plugins(): readonly Plugin[];
  /** What became of the request for a module, by its key; undefined while nobody knows. */
  module(key: string): ModuleState | undefined;
  /** Hosts of a service that mesh-wide health has found to be not as they should be; those that are longest so go first. */
  hostMarks(host: HostName): readonly HostMark[];
  /** Where ejection filters report; undefined where mesh-wide health is off. */
  healthReports(): HealthReportTarget | undefined;
  /** Where an issuer says, by OpenID discovery, that its keys are; undefined as long as it has not been heard. */
  discoveredKeys(issuer: string): JwksUri | undefined;
  /** Policies of a kind that hold for this proxy's workload, of its namespace and of the root namespace, oldest first. */
  policies<Kind extends PolicyKind>(kind: Kind): readonly Policies[Kind][];
  /** The same whether or not they select the workload: for what is the same for all proxies of a namespace, as units are. */
  namespacePolicies<Kind extends PolicyKind>(kind: Kind): readonly Policies[Kind][];
}

/** What proxies have in common that get the same. */
export interface Client {
  readonly type: Proxy["type"];
  readonly namespace: string;
  /** Those labels that some object selects or matches by. */
  readonly labels: Labels;
  readonly locality: Locality;
  readonly network: string;
  readonly clusterId: string;
  readonly dnsDomain: string;
  readonly interceptionMode: Proxy["interceptionMode"];
  readonly onDemand: boolean;
  readonly identity: boolean;
  readonly ipMode: IpMode;
  /** Whether it takes HTTP/1.0 (metadata `HTTP10`). Undefined: no. */
  readonly http10?: true;
  /** What its node and its pod say of it, in the place of what the mesh says (metadata `PROXY_CONFIG`, annotation `proxy.istio.io/config`). */
  readonly settings?: OwnSettings;
}

/** Whom a server must be. */
export interface Identities {
  /** SPIFFE ids, and names of a ServiceEntry's `subjectAltNames`. Sorted. */
  readonly exact: readonly string[];
  /** What an id may begin with where the account of an endpoint is not known. Sorted. */
  readonly prefixes: readonly string[];
}

export interface Inbound {
  /** Ports of services that this workload stands behind, with the number on which it listens. */
  readonly ports: readonly { readonly service: Service; readonly port: ServicePort; readonly targetPort: number }[];
}

export interface GatewayRouting {
  /** Of each object by itself, the oldest first: what matches every request ends the routes of its object, and comes after those of all others. */
  readonly http: readonly (readonly HttpRoute[])[];
  readonly tls: Routing["tls"];
  readonly tcp: Routing["tcp"];
}
