import type { MeshObject } from "../model/index.ts";
import type { PatchReference } from "./patches.ts";

/**
 * What an object does to a resource: without it the resource would not be there (`makes`), would be another (`changes`), or would be there and is not (`hides`: a Sidecar that leaves a host out).
 */
export type EffectKind = "makes" | "changes" | "hides";

/** What one object does to one resource of one proxy. */
export interface Effect {
  /** As `--type` of the command line has it. */
  readonly type: string;
  readonly name: string;
  readonly effect: EffectKind;
  /** Of the resource as it is; 0 where it is hidden. */
  readonly bytes: number;
  /** Of the resource as it would be; 0 where it would not be. */
  readonly bytesWithout: number;
  /** Where in the resource, as people write paths; empty unless it changes. At most {@link MOST_FIELDS}. */
  readonly fields: readonly string[];
  /** Of an EnvoyFilter: which of its patches do it; without any of these the resource would be another. */
  readonly patches: readonly PatchReference[];
}

/** Paths that are told of one resource; behind them stand dozens that say nothing more. */
export const MOST_FIELDS = 16;

/** An object and where it stands, for people and machines alike. */
export interface ObjectReference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export function referenceTo(object: MeshObject, path?: Parameters<MeshObject["place"]>[0]): ObjectReference {
  const { kind, metadata } = object;
  const { file, line, column } = object.place(path);
  return { kind, namespace: metadata.namespace, name: metadata.name, file, line, column };
}
