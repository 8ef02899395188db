import { setImmediate } from "node:timers/promises";
import { fromBinary, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { Configurations } from "../configuration/index.ts";
import { changedFields } from "../diff/index.ts";
import { typeUrl } from "../envoy-api/index.ts";
import type { Mesh, MeshChange } from "../mesh/index.ts";
import { type MeshObject, objectKey, type Proxy } from "../model/index.ts";
import type { Resource, ResourceView, Snapshot } from "../xds/server/index.ts";
import { XDS_TYPES, type XdsType } from "../xds/types/index.ts";
import { type Effect, type EffectKind, MOST_FIELDS } from "./effect.ts";
import { type PatchReference, withoutEachPatch } from "./patches.ts";

/** Proxies for which an object does the same, and what it does. */
export interface EffectsOnProxies {
  readonly proxies: readonly Proxy[];
  readonly effects: readonly Effect[];
}

/** A resource and who made it. */
export interface ExplainedResource {
  readonly type: string;
  readonly name: string;
  /** 0 where it is not there, because an object hides it. */
  readonly bytes: number;
  /** Without one of these it would be another, or not there. Empty: every proxy of its sort has it. */
  readonly objects: readonly { readonly object: MeshObject; readonly effect: Effect }[];
}

/** Which resources are meant: those of a type, or the one of a name. */
export interface ResourceChoice {
  readonly type: string;
  readonly name?: string;
}

interface Difference {
  readonly type: XdsType;
  readonly name: string;
  readonly now: Resource | undefined;
  readonly without: Resource | undefined;
}

/** A difference, and of an EnvoyFilter the patches that make it. */
interface Told {
  readonly difference: Difference;
  readonly patches: readonly PatchReference[];
}

/** What patches of an object do to the resources of a proxy. */
type PatchesOf = (proxy: Proxy, difference: Difference) => readonly PatchReference[];

/** Types of resources that are made of objects; roots are the authority's. */
const TYPES: readonly XdsType[] = XDS_TYPES.filter(({ name }) => name !== "roots");

/**
 * Says which objects make what proxies get, and what proxies get of an object. An object made a resource where the resource is another without it: each is taken out of the mesh and put back, and what the
 * control service would send is compared. That is exact, and costs for each object what a change of it costs, because units know what they read. Of two objects that say the same neither is named: without either
 * one nothing is another.
 *
 * Knows nothing of what modules refuse: objects that a service leaves out for that are not in its mesh.
 */
export class Explainer {
  private readonly configurations: Configurations;
  private readonly proxies = new Map<string, Proxy>();
  private registry: Registry | undefined;

  private constructor(mesh: Mesh) {
    this.configurations = new Configurations(TYPES, mesh);
  }

  /** Rejects with what a translation throws, which is an error of ours. */
  static async of(mesh: Mesh, proxies: readonly Proxy[]): Promise<Explainer> {
    const explainer = new Explainer(mesh);
    for (const proxy of proxies) {
      refuse(explainer.configurations.add(proxy).failures);
      explainer.proxies.set(proxy.id, proxy);
      // A service has others to answer meanwhile.
      await setImmediate();
    }
    return explainer;
  }

  /** What an object does to each proxy to which it does something; proxies for which it does the same are told together. */
  async effectsOf(object: MeshObject): Promise<readonly EffectsOnProxies[]> {
    const found = this.without(object);
    const patchesOf = this.patchesOf(object, found);
    const groups = new Map<string, { readonly proxies: Proxy[]; readonly told: readonly Told[] }>();
    for (const [proxy, differences] of found) {
      const told = differences.map((difference) => ({ difference, patches: patchesOf(proxy, difference) }));
      const key = told.map(keyOf).sort().join("\n");
      const known = groups.get(key);
      if (known === undefined) groups.set(key, { proxies: [proxy], told });
      else known.proxies.push(proxy);
    }
    const result: EffectsOnProxies[] = [];
    for (const { proxies, told } of groups.values()) {
      const effects: Effect[] = [];
      for (const each of told) effects.push(await this.effect(each));
      result.push({ proxies, effects: effects.toSorted(byName) });
    }
    return result;
  }

  /**
   * Who made the resources of a proxy. A resource that is not there is told too, where an object hides it.
   *
   * @param among objects that come into question. Default: all of the mesh
   */
  async makersOf(proxy: Proxy, choice: ResourceChoice, among?: readonly MeshObject[]): Promise<readonly ExplainedResource[]> {
    const type = TYPES.find(({ name }) => name === choice.type);
    if (type === undefined) return [];
    const view = this.view(this.configurations.snapshotOf(proxy.id), type);
    const found = new Map<string, { readonly bytes: number; readonly objects: { object: MeshObject; effect: Effect }[] }>();
    for (const name of namesOf(view)) {
      if (choice.name === undefined || choice.name === name) found.set(name, { bytes: find(view, name)?.value.length ?? 0, objects: [] });
    }
    for (const object of among ?? this.configurations.mesh.allObjects()) {
      const all = this.without(object);
      const mine = this.proxies.get(proxy.id) ?? proxy;
      let patchesOf: PatchesOf | undefined;
      for (const difference of all.get(mine) ?? []) {
        if (difference.type !== type || (choice.name !== undefined && difference.name !== choice.name)) continue;
        const entry = found.get(difference.name) ?? { bytes: 0, objects: [] };
        found.set(difference.name, entry);
        patchesOf ??= this.patchesOf(object, all);
        entry.objects.push({ object, effect: await this.effect({ difference, patches: patchesOf(mine, difference) }) });
      }
      await setImmediate();
    }
    return [...found].map(([name, entry]) => ({ type: type.name, name, ...entry })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Resources of a proxy, by type and name, that are others without an object. */
  resourcesTouchedBy(proxy: Proxy, object: MeshObject): readonly { readonly type: string; readonly name: string }[] {
    const differences = this.without(object).get(this.proxies.get(proxy.id) ?? proxy) ?? [];
    return differences.map(({ type, name }) => ({ type: type.name, name }));
  }

  /** Names of the resources of a proxy. */
  names(proxy: Proxy, typeName: string): readonly string[] {
    const type = TYPES.find(({ name }) => name === typeName);
    return type === undefined ? [] : namesOf(this.view(this.configurations.snapshotOf(proxy.id), type)).toSorted();
  }

  private without(object: MeshObject): ReadonlyMap<Proxy, readonly Difference[]> {
    return this.supposing({ upserted: [], removed: [objectKey(object)] });
  }

  /** @param all what is another without the object */
  private patchesOf(object: MeshObject, all: ReadonlyMap<Proxy, readonly Difference[]>): PatchesOf {
    const each = withoutEachPatch(object);
    // One by itself is the whole object.
    const [only] = each;
    const found =
      only !== undefined && each.length === 1
        ? [{ patch: only.patch, differences: all }]
        : each.map(({ patch, object: rest }) => ({ patch, differences: this.supposing({ upserted: [rest], removed: [] }) }));
    return (proxy, { type, name }) =>
      found.flatMap(({ patch, differences }) =>
        differences.get(proxy)?.some((other) => other.type === type && other.name === name) === true ? [patch] : [],
      );
  }

  /** What would be another after a change, by proxy. */
  private supposing(change: MeshChange): ReadonlyMap<Proxy, readonly Difference[]> {
    const before = new Map(Array.from(this.proxies.keys(), (id) => [id, this.configurations.snapshotOf(id)]));
    const { changed, failures } = this.configurations.suppose(change);
    refuse(failures);
    const result = new Map<Proxy, readonly Difference[]>();
    for (const { proxy, snapshot, changes } of changed) {
      const differences: Difference[] = [];
      for (const type of TYPES) {
        const ofType = changes.filter((each) => each.typeUrl === typeUrl(type.schema));
        if (ofType.length === 0) continue;
        const [now, without] = [this.view(before.get(proxy.id), type), this.view(snapshot, type)];
        const names = ofType.some((each) => each.names === undefined)
          ? [...namesOf(now), ...namesOf(without)]
          : ofType.flatMap((each) => each.names ?? []);
        for (const name of new Set(names)) {
          const difference = { type, name, now: find(now, name), without: find(without, name) };
          if (difference.now?.version !== difference.without?.version) differences.push(difference);
        }
      }
      const known = this.proxies.get(proxy.id);
      if (known !== undefined && differences.length > 0) result.set(known, differences);
    }
    return result;
  }

  private async effect({ difference: { type, name, now, without }, patches }: Told): Promise<Effect> {
    const effect: EffectKind = without === undefined ? "makes" : now === undefined ? "hides" : "changes";
    const bytes = now?.value.length ?? 0;
    const bytesWithout = without?.value.length ?? 0;
    const fields = now === undefined || without === undefined ? [] : await this.fields(type, now, without);
    return { type: type.name, name, effect, bytes, bytesWithout, fields, patches };
  }

  private async fields({ schema }: XdsType, now: Resource, without: Resource): Promise<readonly string[]> {
    // All of Envoy's API: loaded where it is needed, since that takes half a second.
    const registry = (this.registry ??= (await import("../envoy-api/generated/registry.ts")).registry);
    const json = ({ value }: Resource): JsonValue => toJson(schema, fromBinary(schema, value), { registry });
    return changedFields(json(without), json(now))
      .slice(0, MOST_FIELDS)
      .map(({ path }) => path);
  }

  private view(snapshot: Snapshot | undefined, { schema }: XdsType): ResourceView {
    return snapshot?.resources(typeUrl(schema)) ?? { get: () => undefined, names: () => [] };
  }
}

function keyOf({ difference: { type, name, now, without }, patches }: Told): string {
  return [type.name, name, now?.version, without?.version, ...patches.map(({ path }) => path)].join(" ");
}

function namesOf(view: ResourceView): readonly string[] {
  return [...view.names(), ...(view.namesOnDemand?.() ?? [])];
}

function find(view: ResourceView, name: string): Resource | undefined {
  return view.get(name) ?? (namesOnDemand(view).has(name) ? view.onDemand?.(name) : undefined);
}

const ON_DEMAND = new WeakMap<ResourceView, ReadonlySet<string>>();

/** What `onDemand` makes for names that do not exist is no resource. */
function namesOnDemand(view: ResourceView): ReadonlySet<string> {
  let names = ON_DEMAND.get(view);
  if (names === undefined) ON_DEMAND.set(view, (names = new Set(view.namesOnDemand?.() ?? [])));
  return names;
}

function byName(a: Effect, b: Effect): number {
  return TYPES.findIndex(({ name }) => name === a.type) - TYPES.findIndex(({ name }) => name === b.type) || (a.name < b.name ? -1 : 1);
}

function refuse([failure]: readonly { readonly error: unknown }[]): void {
  if (failure !== undefined) throw failure.error;
}
