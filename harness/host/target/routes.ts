import type { HeaderMap } from "../header-map.ts";
import { toByteString } from "../byte-string.ts";
import { DEFAULT_CLUSTER, DEFAULT_ROUTE, ROUTE_TIMEOUT } from "../../target/defaults.ts";
import type { ChainSpec, FilterMetadata, RouteSpec } from "../../target/index.ts";
import type { PropertyObject } from "../properties.ts";

const DEFAULT_ROUTES: readonly RouteSpec[] = [{ name: DEFAULT_ROUTE, match: { prefix: "/" }, cluster: DEFAULT_CLUSTER }];

/** Of the scripted upstreams; the others follow. */
const FIRST_PORT = 80;

/** A host of a cluster: its address as `upstream.address` shows it, its metadata by namespace. */
export interface UpstreamHost {
  readonly address: string;
  readonly metadata: PropertyObject;
}

/** The routes of a chain and the clusters that they can lead to. */
export class RouteTable {
  private readonly routes: readonly RouteSpec[];
  private readonly clusters: ReadonlySet<string>;
  private readonly hosts: number;
  private attempts = 0;
  private readonly metadata: FilterMetadata;
  private readonly endpoints: FilterMetadata;

  constructor(chain: ChainSpec) {
    this.routes = chain.routes ?? DEFAULT_ROUTES;
    this.metadata = chain.clusterMetadata ?? {};
    this.hosts = chain.hosts ?? 1;
    this.endpoints = chain.endpointMetadata ?? {};
    this.clusters = new Set(chain.clusters ?? this.routes.flatMap((route) => route.cluster ?? []));
  }

  /** The first route that matches. Without `x-forwarded-proto`, which a filter may have removed, none does: Envoy answers 404. */
  match(headers: HeaderMap): RouteSpec | undefined {
    if (!headers.has("x-forwarded-proto")) return undefined;
    return this.routes.find((route) => matches(route.match, headers));
  }

  /** The cluster that a route leads to: empty where its header is missing. */
  clusterName(route: RouteSpec, headers: HeaderMap): string {
    return route.cluster ?? (route.clusterHeader === undefined ? "" : (headers.get(route.clusterHeader.toLowerCase()) ?? ""));
  }

  hasCluster(name: string): boolean {
    return this.clusters.has(name);
  }

  /** Whose turn it is among the hosts of a cluster. */
  nextHost(cluster: string): UpstreamHost {
    const address = `127.0.0.1:${FIRST_PORT + (this.attempts++ % this.hosts)}`;
    return { address, metadata: (this.endpoints[cluster] ?? {}) as PropertyObject };
  }

  /** By namespace. */
  clusterMetadata(name: string): PropertyObject {
    return (this.metadata[name] ?? {}) as PropertyObject;
  }
}

/** Milliseconds; 0 is none. */
export function routeTimeout(route: RouteSpec): number {
  return (route.timeout ?? ROUTE_TIMEOUT) * 1000;
}

function matches(match: RouteSpec["match"], headers: HeaderMap): boolean {
  const path = headers.get(":path");
  if (path === undefined) return false;
  // A prefix is compared with the whole path, query and all; a path without query and fragment.
  if (match.prefix !== undefined && !path.startsWith(toByteString(match.prefix))) return false;
  if (match.path !== undefined && path.split(/[?#]/, 1)[0] !== toByteString(match.path)) return false;
  return (match.headers ?? []).every((wanted) => {
    const value = headers.getAll(wanted.name.toLowerCase());
    if (wanted.exact !== undefined) return value === toByteString(wanted.exact);
    return (value !== undefined) === (wanted.present ?? true);
  });
}
