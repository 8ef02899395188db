import { Configurations } from "../../../control/configuration/index.ts";
import { KINDS } from "../../../control/kinds/index.ts";
import { defaultMeshSettings } from "../../../control/kinds/mesh-config/index.ts";
import { Mesh } from "../../../control/mesh/index.ts";
import { objectKey, type Proxy, readProxy, type SourceChange } from "../../../control/model/index.ts";
import { Kinds, ObjectStore } from "../../../control/model/objects/index.ts";
import { MemorySource } from "../../../control/sources/memory/index.ts";
import type { Resource, Snapshot } from "../../../control/xds/server/index.ts";
import { XDS_TYPES } from "../../../control/xds/types/index.ts";
import { fileOf, filesOf, type MeshEdit } from "./mesh-files.ts";
import { ENDPOINT, ROUTE, TYPES } from "./types.ts";

/** Resources by type. */
export type ResourcesByType = Readonly<Record<string, readonly Resource[]>>;

/** The node of a proxy of the benchmark; all get the same. */
export function nodeId(index: number): string {
  return `sidecar~10.200.${index >> 8}.${index & 255}~client-${index}.default~default.svc.cluster.local`;
}

/** What the control service makes of the mesh of {@link filesOf}, made here, for those that serve what others have translated. */
export class PreparedMesh {
  private readonly store = new ObjectStore(new Kinds(KINDS));
  private readonly configurations = new Configurations(XDS_TYPES, Mesh.empty(KINDS, defaultMeshSettings));
  private readonly source: MemorySource;
  private readonly proxy: Proxy;
  private changed: ResourcesByType = {};

  private constructor(services: number) {
    this.source = new MemorySource(filesOf(services));
    const proxy = readProxy({ id: nodeId(0), metadata: {} });
    if (typeof proxy === "string") throw new Error(proxy);
    this.proxy = proxy;
  }

  static async of(services: number): Promise<PreparedMesh> {
    const mesh = new PreparedMesh(services);
    await mesh.source.start((change) => mesh.take(change));
    const [error] = mesh.store.problems().filter(({ level }) => level === "error");
    if (error !== undefined) throw new Error(`${error.file}:${error.line}: ${error.message}`);
    mesh.configurations.add(mesh.proxy);
    return mesh;
  }

  /** Everything that a proxy gets. */
  resources(): ResourcesByType {
    return Object.fromEntries(
      TYPES.map((typeUrl) => {
        const view = this.snapshot.resources(typeUrl);
        return [typeUrl, [...view.names()].flatMap((name) => view.get(name) ?? [])];
      }),
    );
  }

  /** Names that Envoy would ask for after it read its clusters and scopes. */
  names(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries([ENDPOINT, ROUTE].map((typeUrl) => [typeUrl, [...this.snapshot.resources(typeUrl).names()]]));
  }

  /** What an edit makes of it: the resources that differ from those before. */
  change(edit: MeshEdit, index: number, generation: number): ResourcesByType {
    const { file, text } = fileOf(edit, index, generation);
    this.source.apply({ [file]: text });
    return this.changed;
  }

  private get snapshot(): Snapshot {
    const snapshot = this.configurations.snapshotOf(this.proxy.id);
    if (snapshot === undefined) throw new Error("the mesh is not there yet");
    return snapshot;
  }

  private take(change: SourceChange): void {
    const { upserted, removed } = this.store.apply(change, this.source.name);
    const { changed } = this.configurations.apply({ upserted, removed: removed.map(objectKey) });
    const entries = changed.flatMap(({ snapshot, changes }) =>
      changes.map(({ typeUrl, names = [] }) => {
        const view = snapshot.resources(typeUrl);
        return [typeUrl, names.flatMap((name) => view.get(name) ?? [])] as const;
      }),
    );
    this.changed = Object.fromEntries(entries);
  }
}
