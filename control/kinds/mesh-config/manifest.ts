import { isMapping } from "../../model/fields/index.ts";
import type { Manifest, Place } from "../../model/index.ts";
import { readManifests } from "../../model/manifest/index.ts";

// MeshConfig is no object of Kubernetes: it is a document without `apiVersion`, `kind` and `metadata`, in a file of its own or as a text in the ConfigMap `istio`.

const IDENTITY = { apiVersion: "v1", kind: "MeshConfig", metadata: { name: "istio", namespace: "istio-system" } };

/** A document of a file that is known to be the mesh's (`--mesh-config FILE`), as one that says of itself what it is. */
export function meshConfigDocument(manifest: Manifest): Manifest {
  return withIdentity(manifest, (path) => manifest.place(path));
}

/**
 * The MeshConfig in a ConfigMap: `istio`, or `istio-REVISION`, with the key `mesh`. Its places are those of the ConfigMap's file. Undefined for any other document; what is
 * wrong with the text is told at its place.
 */
export function meshConfigOfConfigMap(manifest: Manifest): Manifest | undefined {
  const { kind, metadata, data } = manifest.value;
  if (kind !== "ConfigMap" || !isMapping(metadata) || !isMapping(data)) return undefined;
  const { name } = metadata;
  const { mesh } = data;
  if (typeof name !== "string" || !/^istio(-[a-z0-9-]+)?$/.test(name) || typeof mesh !== "string") return undefined;
  const at = manifest.place(["data", "mesh"]);
  const inside = placeInside(manifest, at);
  const { manifests, problems } = readManifests(at.file, mesh === "" ? "{}" : mesh);
  const [inner] = manifests;
  const moved = problems.map((problem) => ({ ...problem, ...inside(problem) }));
  if (inner === undefined) return withIdentity({ value: {}, place: () => at, problems: moved, source: manifest.source }, () => at);
  const own = { ...inner, value: inner.value, source: manifest.source, problems: [...moved, ...(inner.problems ?? [])] };
  return withIdentity({ ...own, place: (path) => inner.place(path) }, (path) => inside(inner.place(path)));
}

/** Where a place of the text is in the file: behind the line of `|`, as far in as the text is; of a text in quotes its beginning. */
function placeInside({ source }: Manifest, at: Place): (place: Place) => Place {
  const lines = source?.text.split("\n") ?? [];
  const first = at.line - (source?.line ?? 1);
  const isBlock = /[|>][-+0-9]*\s*(#.*)?$/.test(lines[first] ?? "");
  if (!isBlock) return () => at;
  const content = lines.slice(first + 1).find((line) => line.trim() !== "") ?? "";
  const indentation = content.length - content.trimStart().length;
  return ({ line, column }) => ({ file: at.file, line: at.line + line, column: column + indentation });
}

function withIdentity(manifest: Manifest, place: Manifest["place"]): Manifest {
  const { problems, source } = manifest;
  return {
    value: { ...IDENTITY, ...manifest.value },
    place,
    ...(problems === undefined ? {} : { problems }),
    ...(source === undefined ? {} : { source }),
  };
}
