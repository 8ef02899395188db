import type { Mesh } from "../mesh/index.ts";
import type { MeshObject, Proxy } from "../model/index.ts";
import { type Effect, type ObjectReference, referenceTo } from "./effect.ts";
import { Explainer, type ResourceChoice } from "./explainer.ts";

/** What an object does, as it is printed and answered. */
export interface ObjectExplanation {
  readonly object: ObjectReference;
  /** Proxies for which it does the same stand together. */
  readonly effects: readonly { readonly proxies: readonly string[]; readonly resources: readonly Effect[] }[];
  /** Proxies that get the same without it. */
  readonly unaffected: readonly string[];
}

/** Who made resources, as it is printed and answered. */
export interface ResourceExplanation {
  readonly proxy: string;
  readonly resources: readonly {
    readonly type: string;
    readonly name: string;
    readonly bytes: number;
    /** The most telling first: those that make it. */
    readonly objects: readonly (ObjectReference & Pick<Effect, "effect" | "bytesWithout" | "fields" | "patches">)[];
  }[];
}

export async function explainObject(mesh: Mesh, proxies: readonly Proxy[], object: MeshObject): Promise<ObjectExplanation> {
  const found = await (await Explainer.of(mesh, proxies)).effectsOf(object);
  const affected = new Set(found.flatMap((each) => each.proxies.map(({ id }) => id)));
  return {
    object: referenceTo(object),
    effects: found.map((each) => ({ proxies: each.proxies.map(({ id }) => id), resources: each.effects })),
    unaffected: proxies.map(({ id }) => id).filter((id) => !affected.has(id)),
  };
}

export async function explainResources(mesh: Mesh, proxy: Proxy, choice: ResourceChoice): Promise<ResourceExplanation> {
  const found = await (await Explainer.of(mesh, [proxy])).makersOf(proxy, choice);
  return {
    proxy: proxy.id,
    resources: found.map(({ type, name, bytes, objects }) => ({
      type,
      name,
      bytes,
      objects: objects
        .toSorted((a, b) => RANK[a.effect.effect] - RANK[b.effect.effect])
        .map(({ object, effect: { effect, bytesWithout, fields, patches } }) => ({
          ...referenceTo(object),
          effect,
          bytesWithout,
          fields,
          patches,
        })),
    })),
  };
}

const RANK: Readonly<Record<Effect["effect"], number>> = { makes: 0, hides: 1, changes: 2 };
