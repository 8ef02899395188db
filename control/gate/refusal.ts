import { Code, type FieldPath, type MeshObject, type Problem } from "../model/index.ts";

/** What to say of an object that a module refuses, and of which of its fields. */
export function refusalOf(object: MeshObject, reason: string): Problem {
  const { path, detail } = fieldOf(object, reason);
  const message = `the module of the filter refuses it: ${detail}`;
  return { ...object.place(path), level: "error", code: Code.RefusedByModule, path, message };
}

/** What to say of an object that a module takes by itself, and not with the others that stand in the same configuration. */
export function refusalTogether(object: MeshObject, resource: string, reason: string): Problem {
  const path = ["spec"];
  const message = `with what else is in ${resource} the module of the filter refuses it, and proxies keep what they have; those that have nothing refuse all requests: ${reason}`;
  return { ...object.place(path), level: "error", code: Code.RefusedByModule, path, message };
}

/** Our filters say where in their configuration something is wrong; of a plugin that is its own. */
const WHERE = /^configuration of \S+ refused: filters\[\d+\]\.configuration(?:\.([^:]+))?: (.*?)(?: \(line \d+, column \d+\))?$/s;

function fieldOf({ kind }: MeshObject, reason: string): { readonly path: FieldPath; readonly detail: string } {
  const found = WHERE.exec(reason);
  if (found === null || kind !== "WasmPlugin") return { path: ["spec"], detail: reason };
  const [, where = "", detail = reason] = found;
  return { path: ["spec", "pluginConfig", ...pathOf(where)], detail };
}

/** `rules[0].match[0].uri`, as {@link formatPath} writes it. */
function pathOf(text: string): FieldPath {
  return Array.from(text.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g), ([, index, quoted, name]) =>
    index === undefined ? (quoted ?? name ?? "") : Number(index),
  );
}
