import { typeUrl } from "../envoy-api/index.ts";
import { encodeDelta, type Resource, type ResourceView, type Snapshot } from "../xds/server/index.ts";
import type { XdsType } from "../xds/types/index.ts";

/**
 * What becomes of a resource. `again`: it is as it was and is sent once more, because Envoy waits for it after a change of what names it (`Resource.companions`).
 */
export type ResourceChangeKind = "added" | "changed" | "removed" | "again";

export interface ResourceChange {
  readonly type: XdsType;
  readonly name: string;
  readonly change: ResourceChangeKind;
  readonly before?: Resource;
  readonly after?: Resource;
  /** Of its part of the response, in the incremental variant of the protocol. */
  readonly bytes: number;
}

/** In what the resources of a proxy differ. */
export interface SnapshotDifference {
  /** By type, in the order in which they are sent, then by name. */
  readonly resources: readonly ResourceChange[];
  /** Of all responses that say it, in the incremental variant, to a proxy that is subscribed to everything that it may have. */
  readonly bytes: number;
  /** The same for the same changes. */
  readonly key: string;
}

/** Compares what a proxy gets at two times. What it would get on demand counts as what it has. */
export function compareSnapshots(types: readonly XdsType[], before: Snapshot, after: Snapshot): SnapshotDifference {
  const inOrder = types.toSorted((a, b) => a.rules.order - b.rules.order);
  const views = new Map(types.map((type) => [typeUrl(type.schema), { type, old: all(before, type), now: all(after, type) }]));
  const resources: ResourceChange[] = [];
  const again = new Map<string, ResourceChange>();
  for (const type of inOrder) {
    const { old, now } = views.get(typeUrl(type.schema)) ?? { old: NONE, now: NONE };
    for (const [name, resource] of now) {
      const earlier = old.get(name);
      if (earlier === undefined) resources.push({ type, name, change: "added", after: resource, bytes: sizeOf(type, [resource], []) });
      else if (earlier.version !== resource.version) {
        resources.push({ type, name, change: "changed", before: earlier, after: resource, bytes: sizeOf(type, [resource], []) });
        for (const companion of resource.companions ?? []) {
          const found = views.get(companion.typeUrl);
          const [same, other] = [found?.now.get(companion.name), found?.old.get(companion.name)];
          if (found === undefined || same === undefined || same.version !== other?.version) continue;
          const bytes = sizeOf(found.type, [same], []);
          again.set(`${companion.typeUrl} ${companion.name}`, {
            type: found.type,
            name: companion.name,
            change: "again",
            after: same,
            bytes,
          });
        }
      }
    }
    for (const [name, resource] of old)
      if (!now.has(name)) resources.push({ type, name, change: "removed", before: resource, bytes: sizeOf(type, [], [name]) });
  }
  resources.push(...again.values());
  const rank = new Map(inOrder.map((type, index) => [type, index]));
  resources.sort((a, b) => (rank.get(a.type) ?? 0) - (rank.get(b.type) ?? 0) || (a.name < b.name ? -1 : 1));
  const key = resources
    .map(({ type, name, before: old, after: now }) => `${type.name} ${name} ${old?.version ?? ""} ${now?.version ?? ""}`)
    .join("\n");
  return { resources, bytes: bytesOf(resources), key };
}

function bytesOf(changes: readonly ResourceChange[]): number {
  let bytes = 0;
  for (const [type, of] of Map.groupBy(changes, ({ type }) => type)) {
    const sent = of.flatMap(({ after }) => (after === undefined ? [] : [after]));
    const removed = of.flatMap(({ after, name }) => (after === undefined ? [name] : []));
    bytes += encode(type, sent, removed);
  }
  return bytes;
}

const NONE: ReadonlyMap<string, Resource> = new Map();
const KNOWN = new WeakMap<ResourceView, ReadonlyMap<string, Resource>>();

/** Proxies that are alike share their views. */
function all(snapshot: Snapshot, { schema }: XdsType): ReadonlyMap<string, Resource> {
  const view = snapshot.resources(typeUrl(schema));
  let resources = KNOWN.get(view);
  if (resources === undefined) {
    const names = [...view.names(), ...(view.namesOnDemand?.() ?? [])];
    const found = names.flatMap((name) => view.get(name) ?? view.onDemand?.(name) ?? []);
    KNOWN.set(view, (resources = new Map(found.map((resource) => [resource.name, resource]))));
  }
  return resources;
}

function sizeOf(type: XdsType, sent: readonly Resource[], removed: readonly string[]): number {
  return encode(type, sent, removed) - encode(type, [], []);
}

function encode({ schema }: XdsType, resources: readonly Resource[], removed: readonly string[]): number {
  return encodeDelta(typeUrl(schema), { resources, removed, version: "" }, "").bytes.length;
}
