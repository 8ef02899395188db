import {
  explainObject,
  explainResources,
  type ObjectExplanation,
  proxiesOfMesh,
  type ResourceExplanation,
} from "../../control/explain/index.ts";
import type { Mesh } from "../../control/mesh/index.ts";
import { suggestion } from "../../control/model/fields/suggestion.ts";
import { formatProblem, IDENTITY_KEY, type MeshObject, objectKey, type Problem, type Proxy } from "../../control/model/index.ts";
import { readMesh } from "../../control/offline.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { meshSources } from "../control/mesh-sources.ts";

/** Files and directories of a mesh. */
export interface MeshFiles {
  readonly files: readonly string[];
  readonly meshConfig: string | undefined;
}

/** What is asked for an object by. */
export interface ObjectName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** A mesh, and an error of its objects for each line of standard error. */
export async function readFiles({ files, meshConfig }: MeshFiles): Promise<{ readonly mesh: Mesh; readonly problems: readonly Problem[] }> {
  const { mesh, problems } = await readMesh(await meshSources(files, meshConfig), "all");
  const errors = problems.filter(({ level }) => level === "error");
  for (const problem of errors) process.stderr.write(`${formatProblem(problem)}\n`);
  if (errors.length > 0) process.exitCode = ExitCode.Input;
  return { mesh, problems };
}

/** Who made resources of a proxy. */
export async function explainResourcesOf(
  mesh: Mesh,
  proxy: Proxy,
  choice: { readonly type: string; readonly name?: string },
): Promise<ResourceExplanation> {
  return explainResources(mesh, withIdentity(proxy), choice);
}

/** What an object does to the given proxies, or to those that the mesh would have. */
export function explainObjectOf(mesh: Mesh, proxies: readonly Proxy[], asked: ObjectName): Promise<ObjectExplanation> {
  const object = findObject(mesh, asked);
  return explainObject(mesh, proxies.length > 0 ? proxies.map(withIdentity) : proxiesOfMesh(mesh), object);
}

/** As `meshwright try` has it: every proxy of a mesh with identities has a certificate, unless its metadata says that it has none. */
export function withIdentity(proxy: Proxy): Proxy {
  return { ...proxy, identity: proxy.identity || !(IDENTITY_KEY in proxy.metadata) };
}

function findObject(mesh: Mesh, { kind, namespace, name }: ObjectName): MeshObject {
  const object = mesh.object(objectKey({ kind, metadata: { namespace, name } as MeshObject["metadata"] }));
  if (object !== undefined) return object;
  const others = mesh.objects(kind);
  const elsewhere = others.find((each) => each.metadata.name === name);
  const hint =
    elsewhere === undefined
      ? suggestion(
          name,
          others.map((each) => each.metadata.name),
        )
      : `; there is one in the namespace ${elsewhere.metadata.namespace} (-n)`;
  throw new CliError(ExitCode.Input, `there is no ${kind} ${namespace}/${name} that counts${hint}. One with an error counts for nothing`);
}
