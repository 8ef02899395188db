import { typeUrl } from "../envoy-api/index.ts";
import type { Resource, ResourceView, Snapshot } from "../xds/server/index.ts";
import type { XdsType } from "../xds/types/xds-type.ts";

/** Resources by name; never changed. */
export type Resources = ReadonlyMap<string, Resource>;

/** Finds a resource for a name that is subscribed to. */
export type Find = (name: string) => Resource | undefined;

/** What the proxies of a group have in common of a type. */
interface Shared {
  readonly resources: Resources;
  /** By what a proxy has beside them. */
  readonly views: Map<string, ResourceView>;
}

/** Views that are kept where proxies of a group differ in what is their own; they are made again when they are wanted. */
const MOST = 256;

/**
 * Snapshots of the proxies of one group. Those that have the same resources get the same views, so that what the server derives from a view (a response with everything,
 * what a list of names is answered with) is made once for all of them.
 */
export class Snapshots {
  private readonly types: readonly XdsType[];
  private readonly absent: (type: XdsType) => Find | undefined;
  private readonly shared = new Map<XdsType, Shared>();
  private readonly known = new Map<string, Snapshot>();
  private version = "";

  /** @param absent what stands for a name of a type that no resource has; `undefined` where nothing does */
  constructor(types: readonly XdsType[], absent: (type: XdsType) => Find | undefined) {
    this.types = types;
    this.absent = absent;
  }

  /** The snapshot of a proxy: what is its own goes before what it shares. */
  of(
    version: string,
    own: (type: XdsType) => Resources,
    shared: (type: XdsType) => Resources,
    pending: (type: XdsType) => readonly string[] = () => NO_NAMES,
  ): Snapshot {
    if (this.version !== version || this.known.size >= MOST) this.known.clear();
    this.version = version;
    const key = this.types.map((type) => keyOf(own(type), pending(type))).join("\n");
    let snapshot = this.known.get(key);
    // Proxies that join between two changes may find what was shared made anew.
    if (snapshot === undefined) {
      const views = new Map(this.types.map((type) => [typeUrl(type.schema), this.view(type, own(type), shared(type), pending(type))]));
      snapshot = { version, resources: (url) => views.get(url) ?? NOTHING };
      this.known.set(key, snapshot);
    }
    return snapshot;
  }

  private view(type: XdsType, own: Resources, resources: Resources, pending: readonly string[]): ResourceView {
    let shared = this.shared.get(type);
    if (shared?.resources !== resources || shared.views.size >= MOST) this.shared.set(type, (shared = { resources, views: new Map() }));
    const key = keyOf(own, pending);
    let view = shared.views.get(key);
    if (view === undefined) shared.views.set(key, (view = joined(own, resources, this.absent(type), new Set(pending))));
    return view;
  }
}

const KEYS = new WeakMap<Resources, string>();

/** The same for the same resources: versions are hashes of what they hold. */
function keyOf(own: Resources, pending: readonly string[]): string {
  return pending.length === 0 ? keyOfResources(own) : `${keyOfResources(own)}\n? ${pending.join(" ")}`;
}

function keyOfResources(own: Resources): string {
  if (own.size === 0) return "";
  let key = KEYS.get(own);
  if (key === undefined) {
    key = Array.from(own.values(), ({ name, version, onDemand }) => `${name} ${version} ${onDemand === true}`).join("\n");
    KEYS.set(own, key);
  }
  return key;
}

const NO_NAMES: readonly string[] = [];
const NOTHING: ResourceView = { get: () => undefined, names: () => [] };
/** Of a proxy that has nothing yet. */
export const EMPTY: Snapshot = { version: "0", resources: () => NOTHING };

function joined(own: Resources, shared: Resources, absent: Find | undefined, pending: ReadonlySet<string>): ResourceView {
  const find: Find = own.size === 0 ? (name) => shared.get(name) : (name) => own.get(name) ?? shared.get(name);
  function* names(onDemand: boolean): Iterable<string> {
    for (const [name, resource] of own) if (isOnDemand(resource) === onDemand) yield name;
    for (const [name, resource] of shared) if (isOnDemand(resource) === onDemand && !own.has(name)) yield name;
  }
  return {
    get(name) {
      const resource = find(name);
      return resource?.onDemand === true ? undefined : resource;
    },
    names: () => names(false),
    onDemand: (name) => find(name) ?? absent?.(name),
    namesOnDemand: () => names(true),
    ...(pending.size === 0 ? {} : { isComing: (name) => pending.has(name) }),
  };
}

function isOnDemand(resource: Resource): boolean {
  return resource.onDemand === true;
}
