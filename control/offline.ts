import { clientOf } from "./configuration/groups.ts";
import { Configurations } from "./configuration/index.ts";
import { KINDS } from "./kinds/index.ts";
import { defaultMeshSettings } from "./kinds/mesh-config/index.ts";
import { Mesh, MeshProxyView, Reads } from "./mesh/index.ts";
import { compareProblems, objectKey, type Problem, type Proxy, type ProxySettings } from "./model/index.ts";
import { Kinds, ObjectStore } from "./model/objects/index.ts";
import type { Source } from "./model/source.ts";
import { problemsInMesh } from "./mesh-problems.ts";
import type { Snapshot } from "./xds/server/index.ts";
import { XDS_TYPES } from "./xds/types/index.ts";

/** A mesh as its sources are at one moment, without a service. */
export interface OfflineMesh {
  readonly mesh: Mesh;
  /** Of the objects, each by itself and with the others. */
  readonly problems: readonly Problem[];
}

/** Reads sources to the end and disposes of them. */
export async function readMesh(sources: readonly Source[]): Promise<OfflineMesh> {
  const store = new ObjectStore(new Kinds(KINDS));
  let mesh = Mesh.empty(KINDS, defaultMeshSettings);
  for (const source of sources) {
    await using started = source;
    await started.start((change) => {
      const { upserted, removed } = store.apply(change, source.name);
      mesh = mesh.apply({ upserted, removed: removed.map(objectKey) }).mesh;
    });
  }
  return { mesh, problems: [...store.problems(), ...problemsInMesh(mesh, KINDS)].sort(compareProblems) };
}

/** What MeshConfig and the ProxyConfigs that select a proxy say of it. */
export function proxySettingsOf(mesh: Mesh, proxy: Proxy): ProxySettings {
  return new MeshProxyView(mesh, proxy, clientOf(proxy, mesh.labelKeys()), new Reads()).proxySettings();
}

/** What a proxy would get. Throws what a translation throws, which is an error of ours. */
export function translate(mesh: Mesh, proxy: Proxy): Snapshot {
  const { snapshot, failures } = new Configurations(XDS_TYPES, mesh).add(proxy);
  const [failure] = failures;
  if (failure !== undefined) throw failure.error;
  return snapshot;
}
