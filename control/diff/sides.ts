import { proofsOf, refusalOf } from "../gate/index.ts";
import { KINDS } from "../kinds/index.ts";
import { defaultMeshSettings } from "../kinds/mesh-config/index.ts";
import { Mesh, type MeshChange } from "../mesh/index.ts";
import { type MeshObject, type ModuleState, objectKey, type Problem, type SourceChange } from "../model/index.ts";
import { isStandIn, Kinds, manifestOf, ObjectStore } from "../model/objects/index.ts";
import { Prover } from "../proof/index.ts";
import { readModules } from "../read-mesh.ts";
import { XDS_TYPES } from "../xds/types/index.ts";
import { alignFiles } from "./align-files.ts";

/** What the sources of a mesh hold, by their names: each change is all that there is. */
export type MeshSources = ReadonlyMap<string, SourceChange>;

/** A mesh at one of two times. */
export interface Side {
  readonly mesh: Mesh;
  /** What counts, by `objectKey`. */
  readonly objects: ReadonlyMap<string, MeshObject>;
  /** Of the objects by themselves. */
  readonly problems: readonly Problem[];
}

/** A mesh before and after a change. */
export interface Sides {
  readonly before: Side;
  readonly after: Side;
  /** What makes the one of the other, with {@link modules}. */
  readonly change: MeshChange;
  /** Modules of users, as they are afterwards. */
  readonly modules: ReadonlyMap<string, ModuleState>;
}

/**
 * Makes of what the sources hold before and after the change that a control service would see, were the one put in the place of the other while it runs: an object that has errors keeps its last good
 * version, and what a module refuses does not count.
 */
export async function meshSides(before: MeshSources, after: MeshSources): Promise<Sides> {
  await using prover = new Prover();
  const store = new ObjectStore(new Kinds(KINDS));
  const earlier = new Map(
    Array.from(before, ([name, change]) => [name, { ...change, files: alignFiles(change.files, after.get(name)?.files ?? []) }]),
  );
  let mesh = await applied(Mesh.empty(KINDS, defaultMeshSettings), store, earlier, prover);
  mesh = mesh.applyModules(await readModules(mesh, "all")).mesh;
  const first: Side = { mesh, objects: new Map(store.objects), problems: store.problems() };

  const gone = [...before.keys()].filter((name) => !after.has(name)).map((name) => [name, { files: [], complete: true }] as const);
  mesh = await applied(mesh, store, new Map([...gone, ...after]), prover);
  const modules = await readModules(mesh, "all");
  mesh = mesh.applyModules(modules).mesh;
  const objects = new Map(Array.from(store.objects, ([key, object]) => [key, theSame(first.objects.get(key), object)]));
  const change: MeshChange = {
    upserted: [...objects].flatMap(([key, object]) => (first.objects.get(key) === object ? [] : [object])),
    removed: [...first.objects.keys()].filter((key) => !objects.has(key)),
  };
  return { before: first, after: { mesh, objects, problems: store.problems() }, change, modules };
}

/** The earlier of two where they say the same, wherever they stand. */
function theSame(earlier: MeshObject | undefined, later: MeshObject): MeshObject {
  if (earlier === undefined || isStandIn(earlier) !== isStandIn(later)) return later;
  return JSON.stringify(manifestOf(earlier).value) === JSON.stringify(manifestOf(later).value) ? earlier : later;
}

/** The mesh after changes of its sources, without what modules refuse. */
async function applied(mesh: Mesh, store: ObjectStore, sources: MeshSources, prover: Prover): Promise<Mesh> {
  let result = mesh;
  for (const [name, change] of sources) {
    const { upserted, removed } = store.apply(change, name);
    result = result.apply({ upserted, removed: removed.map(objectKey) }).mesh;
  }
  for (const object of result.allObjects()) {
    const { policies = [], plugins = [] } = result.contributed(objectKey(object)) ?? {};
    if (policies.length + plugins.length === 0) continue;
    const verdicts = await Promise.all(proofsOf(result, object, FILTERS).map((request) => prover.prove(request)));
    const refused = verdicts.find((verdict) => !verdict.good);
    if (refused?.good !== false) continue;
    const { path, message } = refusalOf(object, refused.reason);
    const { upserted, removed } = store.refuse(object, path, message);
    result = result.apply({ upserted, removed: removed.map(objectKey) }).mesh;
  }
  return result;
}

const FILTERS = XDS_TYPES.filter(({ name }) => name === "filter");
