import { type FieldPath, formatPath, type MeshObject } from "../model/index.ts";

/** A patch of an EnvoyFilter, and where it stands in the object's file. */
export interface PatchReference {
  /** `spec.configPatches[1]` */
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/** For each patch of an EnvoyFilter the object without it; of other kinds nothing. */
export function withoutEachPatch(object: MeshObject): readonly { readonly patch: PatchReference; readonly object: MeshObject }[] {
  if (object.kind !== "EnvoyFilter") return [];
  const { configPatches, ...spec } = object.spec as { readonly configPatches: readonly unknown[] };
  return configPatches.map((_, index) => {
    const path: FieldPath = ["spec", "configPatches", index];
    const { line, column } = object.place(path);
    const others = configPatches.toSpliced(index, 1);
    return { patch: { path: formatPath(path), line, column }, object: { ...object, spec: { ...spec, configPatches: others } } };
  });
}
