import { contentVersion, type ShownObject } from "../../control/admin/objects/document.ts";
import type { MeshSources, Surroundings, ToldProblem } from "../../control/diff/index.ts";
import { type IssuerKeys, type Manifest, objectKey, type Peer, type Proxy, type SourceChange } from "../../control/model/index.ts";
import { type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { MESH_CONFIG, OBJECTS } from "./read-sources.ts";

/** Objects that nobody edits in a directory: those of the API, and of workloads that registered with their proxies. */
const KEPT = "kept";
const REGISTERED = "registered/";

/** What a running service tells, as `/api/v1/proxies` has it. */
interface ToldSurroundings {
  readonly proxies: readonly Proxy[];
  readonly peers: readonly Peer[];
  readonly issuers: Readonly<Record<string, IssuerKeys>>;
}

export interface ServiceSide {
  readonly before: MeshSources;
  readonly after: MeshSources;
  readonly surroundings: Surroundings;
  /** What cannot be compared, one text each. */
  readonly notes: readonly string[];
}

/**
 * What a running service has, and what it would have after a change.
 *
 * @param files what stands in the place of its directories; with `apply` beside them, as if it were sent to its API
 */
export async function readService(options: AdminOptions, files: MeshSources, apply: boolean): Promise<ServiceSide> {
  const { objects } = (await askAdmin(options, "/api/v1/objects", { timeout: 120_000 })) as { readonly objects: readonly ShownObject[] };
  const told = (await askAdmin(options, "/api/v1/proxies", { timeout: 120_000 })) as ToldSurroundings;
  const { problems } = (await askAdmin(options, "/api/v1/problems")) as { readonly problems: readonly ToldProblem[] };
  const given = new Map([...files.values()].flatMap((change) => change.files.flatMap(({ manifests = [] }) => manifests)).map(keyed));
  const notes: string[] = [];
  const manifests = objects.map((object) => ({ object, manifest: manifestOf(object, given, notes) }));
  const isKept = ({ source, file }: ShownObject) => source === "api" || file.startsWith(REGISTERED);
  const isMeshConfig = ({ kind }: ShownObject) => kind === "MeshConfig";

  const kept = manifests.filter(({ object }) => isKept(object));
  const watched = manifests.filter(({ object }) => !isKept(object));
  const hasMeshConfig = files.has(MESH_CONFIG) || [...given.keys()].some((key) => key.startsWith("MeshConfig/"));
  const inFiles = watched.filter(({ object }) => !isMeshConfig(object));
  const config = watched.filter(({ object }) => isMeshConfig(object));
  const before = new Map([
    [KEPT, changeOf(kept)],
    [OBJECTS, changeOf(inFiles)],
    [MESH_CONFIG, changeOf(config)],
  ]);
  const others = kept.filter(({ object }) => !apply || !given.has(keyOf(object)));
  const sent = [...files.values()].flatMap((change) => change.files);
  const after = apply
    ? new Map([...before, [KEPT, { files: [...changeOf(others).files, ...sent], complete: true }]])
    : new Map([[KEPT, changeOf(kept)], ...(hasMeshConfig ? [] : [[MESH_CONFIG, changeOf(config)] as const]), ...files]);
  const { proxies, peers, issuers } = told;
  return { before, after, surroundings: { proxies, peers, issuers: new Map(Object.entries(issuers)), problems }, notes };
}

function changeOf(objects: readonly { readonly object: ShownObject; readonly manifest: Manifest }[]): SourceChange {
  const byFile = Map.groupBy(objects, ({ object }) => object.file);
  const files = Array.from(byFile, ([file, of]) => ({ file, manifests: of.map(({ manifest }) => manifest), problems: [], broken: false }));
  return { files, complete: true };
}

/** An object of the service as a manifest: of those that are the same in the files, the very manifest. */
function manifestOf(object: ShownObject, given: ReadonlyMap<string, Manifest>, notes: string[]): Manifest {
  const { kind, namespace, name, file, line, resourceVersion } = object;
  const same = given.get(keyOf(object));
  if (same !== undefined && contentVersion(same) === resourceVersion) return { ...same, value: same.value };
  const place = () => ({ file, line, column: 1 });
  if (kind === "Secret") {
    notes.push(
      same === undefined
        ? `Secret ${namespace}/${name}: the service does not tell what is in it, so what was made of it is not compared`
        : `Secret ${namespace}/${name} is another: the service does not tell what was in it, so what is made of it is sent again and not counted here`,
    );
    if (same !== undefined) return { ...same, place };
  }
  const { metadata, ...rest } = object.object;
  const { resourceVersion: _version, ...own } = (metadata ?? {}) as Record<string, unknown>;
  return { value: { ...rest, metadata: own }, place };
}

function keyed(manifest: Manifest): readonly [string, Manifest] {
  const { kind, metadata } = manifest.value;
  const { namespace = "default", name } = typeof metadata === "object" && metadata !== null ? (metadata as Record<string, unknown>) : {};
  return [`${String(kind)}/${String(namespace)}/${String(name)}`, manifest];
}

function keyOf({ kind, namespace, name }: ShownObject): string {
  return objectKey({ kind, metadata: { namespace, name, labels: {}, annotations: {}, creationTimestamp: undefined } });
}
