import { KINDS } from "./kinds/index.ts";
import { defaultMeshSettings } from "./kinds/mesh-config/index.ts";
import { Mesh } from "./mesh/index.ts";
import { compareProblems, type MeshObject, type ModuleState, objectKey, type Problem } from "./model/index.ts";
import { Kinds, ObjectStore } from "./model/objects/index.ts";
import type { Source } from "./model/source.ts";
import { ModuleStore } from "./modules/index.ts";
import { problemsInMesh } from "./mesh-problems.ts";

/** A mesh as its sources are at one moment, without a service. */
export interface OfflineMesh {
  readonly mesh: Mesh;
  /** Of the objects, each by itself and with the others. */
  readonly problems: readonly Problem[];
}

/** What the modules of filters have against a mesh; see `MeshProver`. */
export interface MeshJudge {
  /** Objects that they refuse, each by itself. */
  refused(mesh: Mesh): Promise<readonly { readonly object: MeshObject; readonly problem: Problem }[]>;
  /** What they refuse of objects that they take each by itself. */
  refusedTogether(mesh: Mesh): Promise<readonly Problem[]>;
}

/**
 * Reads sources to the end and disposes of them. Apart from translation, which wants Envoy's API: that takes longer to load than a mesh to read.
 *
 * @param modules which modules of users are read too: those on this machine, or those of other hosts as well. Default: local
 * @param judge takes out what modules refuse, as the control service would: what stands in for it counts. Default: nobody
 */
export async function readMesh(sources: readonly Source[], modules: "local" | "all" = "local", judge?: MeshJudge): Promise<OfflineMesh> {
  const store = new ObjectStore(new Kinds(KINDS));
  let mesh = Mesh.empty(KINDS, defaultMeshSettings);
  for (const source of sources) {
    await using started = source;
    await started.start((change) => {
      const { upserted, removed } = store.apply(change, source.name);
      mesh = mesh.apply({ upserted, removed: removed.map(objectKey) }).mesh;
    });
  }
  mesh = mesh.applyModules(await readModules(mesh, modules)).mesh;
  let refused = (await judge?.refused(mesh)) ?? [];
  const isWhole = refused.length === 0;
  for (; refused.length > 0; refused = (await judge?.refused(mesh)) ?? []) {
    for (const { object, problem } of refused) {
      const { upserted, removed } = store.refuse(object, problem.path, problem.message);
      mesh = mesh.apply({ upserted, removed: removed.map(objectKey) }).mesh;
    }
  }
  const together = isWhole ? ((await judge?.refusedTogether(mesh)) ?? []) : [];
  return { mesh, problems: [...store.problems(), ...together, ...problemsInMesh(mesh, KINDS)].sort(compareProblems) };
}

/** The modules of users that a mesh asks for, or why they cannot be had. */
export async function readModules(mesh: Mesh, which: "local" | "all"): Promise<ReadonlyMap<string, ModuleState>> {
  const requests = mesh.plugins().flatMap(({ module }) => (module === undefined ? [] : [module]));
  const wanted = requests.filter(({ url }) => which === "all" || !/^https?:/i.test(url));
  let states: ReadonlyMap<string, ModuleState> = new Map();
  if (wanted.length === 0) return states;
  await using store = new ModuleStore({ changed: (now) => (states = now) });
  store.want(wanted);
  await store.settled();
  return states;
}
