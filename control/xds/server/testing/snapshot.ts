import { hash } from "node:crypto";
import type { Change, Resource, ResourceReference, ResourceTypeRules, ResourceView, Snapshot } from "../index.ts";

export const CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
export const ENDPOINT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
export const LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener";
export const SCOPE = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration";
export const ROUTE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
export const FILTER = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
export const SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

/** The types of Envoy as the protocol sees them. */
export const TYPES: readonly ResourceTypeRules[] = [
  { typeUrl: CLUSTER, order: 10, complete: true, wildcard: true, lingers: (name) => (name.startsWith("lingering") ? 30_000 : 0) },
  { typeUrl: ENDPOINT, order: 20, complete: false, wildcard: false },
  { typeUrl: LISTENER, order: 30, complete: true, wildcard: true, waitsFor: [CLUSTER] },
  { typeUrl: SCOPE, order: 40, complete: true, wildcard: true, waitsFor: [CLUSTER] },
  { typeUrl: ROUTE, order: 50, complete: false, wildcard: false, waitsFor: [CLUSTER] },
  { typeUrl: FILTER, order: 60, complete: false, wildcard: false, keeps: true },
  {
    typeUrl: SECRET,
    order: 70,
    complete: false,
    wildcard: false,
    sensitive: true,
    reworded: (value, occasion) => Buffer.concat([value, Buffer.from(`#${occasion}`)]),
  },
];

/** A resource whose message is a text. */
export function textResource(name: string, text: string, companions?: readonly ResourceReference[]): Resource {
  return bytesResource(name, Buffer.from(text), companions);
}

export function bytesResource(name: string, value: Uint8Array, companions?: readonly ResourceReference[]): Resource {
  const version = hash("sha256", value, "hex").slice(0, 12);
  return { name, version, value, ...(companions === undefined ? {} : { companions }) };
}

export type OnDemand = (typeUrl: string, name: string) => Resource | undefined;

/** A snapshot made of maps. */
export class MapSnapshot implements Snapshot {
  readonly version: string;
  private readonly views = new Map<string, MapView>();
  private readonly byType: Readonly<Record<string, readonly Resource[]>>;
  private readonly onDemand: OnDemand | undefined;
  private readonly isComing: ((name: string) => boolean) | undefined;

  constructor(
    version: string,
    byType: Readonly<Record<string, readonly Resource[]>>,
    onDemand?: OnDemand,
    isComing?: (name: string) => boolean,
  ) {
    this.version = version;
    this.byType = byType;
    this.onDemand = onDemand;
    this.isComing = isComing;
  }

  resources(typeUrl: string): MapView {
    let view = this.views.get(typeUrl);
    if (view === undefined) {
      view = new MapView(typeUrl, this.byType[typeUrl] ?? [], this.onDemand, this.isComing);
      this.views.set(typeUrl, view);
    }
    return view;
  }

  /** This snapshot with other resources of some types, and in what it differs. */
  with(
    version: string,
    byType: Readonly<Record<string, readonly Resource[]>>,
  ): { readonly snapshot: MapSnapshot; readonly changes: Change[] } {
    const snapshot = new MapSnapshot(version, { ...this.byType, ...byType }, this.onDemand, this.isComing);
    const changes = Object.keys(byType).map((typeUrl) => {
      const [before, after] = [this.resources(typeUrl).byName, snapshot.resources(typeUrl).byName];
      const names = new Set([...before.keys(), ...after.keys()]);
      return { typeUrl, names: [...names].filter((name) => before.get(name)?.version !== after.get(name)?.version) };
    });
    return { snapshot, changes: changes.filter(({ names }) => names.length > 0) };
  }
}

class MapView implements ResourceView {
  readonly byName: ReadonlyMap<string, Resource>;
  private readonly typeUrl: string;
  private readonly missing: OnDemand | undefined;
  readonly isComing: (name: string) => boolean;

  constructor(
    typeUrl: string,
    resources: readonly Resource[],
    missing: OnDemand | undefined,
    isComing: (name: string) => boolean = () => false,
  ) {
    this.isComing = isComing;
    this.typeUrl = typeUrl;
    this.byName = new Map(resources.map((resource) => [resource.name, resource]));
    this.missing = missing;
  }

  get(name: string): Resource | undefined {
    const resource = this.byName.get(name);
    return resource?.onDemand === true ? undefined : resource;
  }

  *names(): Iterable<string> {
    for (const { name, onDemand } of this.byName.values()) if (onDemand !== true) yield name;
  }

  onDemand(name: string): Resource | undefined {
    return this.byName.get(name) ?? this.missing?.(this.typeUrl, name);
  }
}
