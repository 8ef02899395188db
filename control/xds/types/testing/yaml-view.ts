import { clientOf } from "../../../configuration/groups.ts";
import { KINDS } from "../../../kinds/index.ts";
import { defaultMeshSettings, meshConfig, meshConfigOfConfigMap } from "../../../kinds/mesh-config/index.ts";
import { wasmPlugin } from "../../../kinds/wasm-plugin/index.ts";
import { builtinFilters, checkFilterConfiguration } from "../../../filter-schemas/index.ts";
import { Mesh, MeshProxyView, Reads } from "../../../mesh/index.ts";
import { formatProblem, type Kind, type MeshObject, type ModuleState, type ProxyView, readProxy } from "../../../model/index.ts";
import { readManifests } from "../../../model/manifest/index.ts";
import { Kinds, readObject } from "../../../model/objects/index.ts";

const more: readonly Kind[] = [meshConfig, wasmPlugin({ names: builtinFilters, check: checkFilterConfiguration })];
const kinds: readonly Kind[] = [...KINDS, ...more.filter(({ kind }) => !KINDS.some((known) => known.kind === kind))];

/** Objects of the mesh as users write them. Throws what is wrong with them. */
export function meshOfYaml(yaml: string): Mesh {
  const { manifests, problems } = readManifests("mesh.yaml", yaml);
  const reads = manifests.map((manifest) => readObject(meshConfigOfConfigMap(manifest) ?? manifest, new Kinds(kinds)));
  const errors = [...problems, ...reads.flatMap((read) => read.problems)].filter(({ level }) => level === "error");
  if (errors.length > 0) throw new Error(errors.map(formatProblem).join("\n"));
  const upserted = reads.map(({ object }) => object).filter((object): object is MeshObject => object !== undefined);
  return Mesh.empty(kinds, defaultMeshSettings).apply({ upserted, removed: [] }).mesh;
}

export interface YamlProxy {
  /** Default: a sidecar `client-1` of `default` at 10.0.0.1. */
  readonly nodeId?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Default: it does not say. */
  readonly envoyVersion?: string;
  readonly locality?: { readonly region: string; readonly zone: string; readonly subZone: string };
  /** What became of the modules of users, by their url; those that are not here are still under way. */
  readonly modules?: Readonly<Record<string, ModuleState>>;
}

/** What a proxy sees of such a mesh. */
export function viewOfYaml(
  yaml: string,
  {
    nodeId = "sidecar~10.0.0.1~client-1.default~default.svc.cluster.local",
    metadata = {},
    locality,
    envoyVersion,
    modules = {},
  }: YamlProxy = {},
): ProxyView {
  const read = meshOfYaml(yaml);
  const { mesh } = read.applyModules(
    new Map(
      read.plugins().flatMap(({ module }) => {
        const state = module === undefined ? undefined : modules[module.url];
        return module === undefined || state === undefined ? [] : [[module.key, state] as const];
      }),
    ),
  );
  const proxy = readProxy({ id: nodeId, metadata, locality, envoyVersion });
  if (typeof proxy === "string") throw new Error(proxy);
  return new MeshProxyView(mesh, proxy, clientOf(proxy, mesh), new Reads());
}
