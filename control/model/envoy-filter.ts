import type { Policy } from "./policy.ts";
import type { FieldPath } from "./place.ts";

/** What a patch is for, and the message of Envoy's API that its value is. */
export const PATCHED_MESSAGES = {
  LISTENER: "envoy.config.listener.v3.Listener",
  LISTENER_FILTER: "envoy.config.listener.v3.ListenerFilter",
  FILTER_CHAIN: "envoy.config.listener.v3.FilterChain",
  NETWORK_FILTER: "envoy.config.listener.v3.Filter",
  HTTP_FILTER: "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
  ROUTE_CONFIGURATION: "envoy.config.route.v3.RouteConfiguration",
  VIRTUAL_HOST: "envoy.config.route.v3.VirtualHost",
  HTTP_ROUTE: "envoy.config.route.v3.Route",
  CLUSTER: "envoy.config.cluster.v3.Cluster",
  EXTENSION_CONFIG: "envoy.config.core.v3.TypedExtensionConfig",
  BOOTSTRAP: "envoy.config.bootstrap.v3.Bootstrap",
} as const;

export type ApplyTo = keyof typeof PATCHED_MESSAGES;

/** Istio's words, and what each of them takes. */
export const PATCH_OPERATIONS: Readonly<Record<ApplyTo, readonly PatchOperation[]>> = {
  LISTENER: ["MERGE", "ADD", "REMOVE"],
  LISTENER_FILTER: ["ADD", "REMOVE", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "REPLACE"],
  FILTER_CHAIN: ["MERGE", "ADD", "REMOVE"],
  NETWORK_FILTER: ["MERGE", "ADD", "REMOVE", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "REPLACE"],
  HTTP_FILTER: ["MERGE", "ADD", "REMOVE", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "REPLACE"],
  ROUTE_CONFIGURATION: ["MERGE"],
  VIRTUAL_HOST: ["MERGE", "ADD", "REMOVE", "REPLACE"],
  HTTP_ROUTE: ["MERGE", "ADD", "REMOVE", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST"],
  CLUSTER: ["MERGE", "ADD", "REMOVE"],
  EXTENSION_CONFIG: ["ADD"],
  BOOTSTRAP: ["MERGE"],
};

export type PatchOperation = "MERGE" | "ADD" | "REMOVE" | "INSERT_BEFORE" | "INSERT_AFTER" | "INSERT_FIRST" | "REPLACE";

export type PatchContext = "ANY" | "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" | "GATEWAY";

/** Changes to what proxies would get, in the words of Istio's EnvoyFilter. */
export interface EnvoyFilter extends Policy {
  /** Of several the lowest comes first. */
  readonly priority: number;
  readonly patches: readonly EnvoyPatch[];
}

export interface EnvoyPatch {
  readonly applyTo: ApplyTo;
  readonly operation: PatchOperation;
  readonly context: PatchContext;
  readonly proxy: ProxyMatch | undefined;
  /** What is undefined matches everything; of each patch one at most is there. */
  readonly listener: ListenerMatch | undefined;
  readonly routeConfiguration: RouteConfigurationMatch | undefined;
  readonly cluster: ClusterMatch | undefined;
  /** Where an added HTTP filter goes. */
  readonly filterClass: "UNSPECIFIED" | "AUTHN" | "AUTHZ" | "STATS";
  /** A message of {@link PATCHED_MESSAGES} as JSON; undefined for REMOVE. */
  readonly value: unknown;
  /** Of the patch in its object. */
  readonly path: FieldPath;
}

export interface ProxyMatch {
  /** RE2, found anywhere in the proxy's `ISTIO_VERSION`. */
  readonly proxyVersion: string | undefined;
  /** All of them, as the proxy's metadata has them. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ListenerMatch {
  readonly portNumber: number | undefined;
  readonly name: string | undefined;
  readonly listenerFilter: string | undefined;
  readonly filterChain: FilterChainMatch | undefined;
}

export interface FilterChainMatch {
  readonly name: string | undefined;
  readonly sni: string | undefined;
  readonly transportProtocol: string | undefined;
  readonly applicationProtocols: readonly string[];
  readonly destinationPort: number | undefined;
  readonly filter: { readonly name: string; readonly subFilter: string | undefined } | undefined;
}

export interface RouteConfigurationMatch {
  readonly portNumber: number | undefined;
  readonly portName: string | undefined;
  /** `namespace/name` */
  readonly gateway: string | undefined;
  readonly name: string | undefined;
  readonly virtualHost: VirtualHostMatch | undefined;
}

export interface VirtualHostMatch {
  readonly name: string | undefined;
  readonly domainName: string | undefined;
  readonly route: { readonly name: string | undefined; readonly action: "ANY" | "ROUTE" | "REDIRECT" | "DIRECT_RESPONSE" } | undefined;
}

export interface ClusterMatch {
  readonly portNumber: number | undefined;
  readonly service: string | undefined;
  readonly subset: string | undefined;
  readonly name: string | undefined;
}

/** The order in which EnvoyFilters are applied (Istio's `getMatchedEnvoyFilters`): by priority, those of the root namespace first, then as they are given, which is by age. */
export function byPriority(filters: readonly EnvoyFilter[], rootNamespace: string): readonly EnvoyFilter[] {
  const later = ({ namespace }: EnvoyFilter): number => (namespace === rootNamespace ? 0 : 1);
  return filters.toSorted((a, b) => a.priority - b.priority || later(a) - later(b));
}
