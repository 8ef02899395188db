/**
 * One xDS resource. Immutable, and the same object for every proxy that gets it: it was translated and encoded once.
 */
export interface Resource {
  /** Unique within its type: what clients subscribe to. */
  readonly name: string;
  /** Changes if and only if `value` does, also across restarts of the service: a hash of the content. */
  readonly version: string;
  /** The message in protobuf's binary form, which becomes the value of an `Any` with the type URL of its type. */
  readonly value: Uint8Array;
  /**
   * Resources that have to be sent again, even unchanged, after this one, to proxies that are subscribed to them. A cluster names its
   * `ClusterLoadAssignment`: after a change of a cluster Envoy waits for its endpoints, but does not ask for them where it is subscribed already,
   * and warms for 15 s (`initial_fetch_timeout`). Default: none.
   */
  readonly companions?: readonly ResourceReference[];
  /** Whether it is no part of a wildcard subscription: {@link ResourceView.onDemand} has it. Default: false. */
  readonly onDemand?: true;
}

export interface ResourceReference {
  readonly typeUrl: string;
  readonly name: string;
}

/** The resources of one type that a proxy may have. Immutable. */
export interface ResourceView {
  /** A resource that a wildcard subscription contains. */
  get(name: string): Resource | undefined;
  /** The names of all that a wildcard subscription contains. */
  names(): Iterable<string>;
  /**
   * The resource for a name that a proxy asked for and that `get` does not have: one that this proxy gets on demand only, or one made for a name that
   * does not exist (a route configuration that says 404). Envoy holds a request until the on-demand scope or cluster comes, and `removed_resources`
   * does not let it go, so types that are asked for on demand should answer every name. Default: nothing.
   */
  onDemand?(name: string): Resource | undefined;
  /** Names that `onDemand` has a resource of the mesh for; only people ask. Default: none. */
  namesOnDemand?(): Iterable<string>;
  /** Whether there will be a resource of this name soon: who asks for it waits, and is not told that there is none. Default: false. */
  isComing?(name: string): boolean;
}

/** All that one proxy, or every proxy of a group, may have at one time. Immutable. */
export interface Snapshot {
  /** Shown to people only: in `version_info`, the configuration dump of Envoy and the status. */
  readonly version: string;
  /** A type that this snapshot has nothing of gives an empty view. */
  resources(typeUrl: string): ResourceView;
}

/** In what two snapshots differ, by type. */
export interface Change {
  readonly typeUrl: string;
  /**
   * Names that were added, changed or removed; one too many costs a comparison, one too few is never sent. Default: unknown, so that every resource
   * of the type is compared.
   */
  readonly names?: readonly string[];
}

/** What a subscription to `name` gets. A name of the wildcard's own wins over one made on demand. */
export function resourceFor(view: ResourceView, name: string, explicit: boolean): Resource | undefined {
  return view.get(name) ?? (explicit ? view.onDemand?.(name) : undefined);
}
