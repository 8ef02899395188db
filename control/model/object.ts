import type { FieldPath, Place } from "./place.ts";

/** What every object of Istio and Kubernetes says of itself. */
export interface ObjectMetadata {
  readonly name: string;
  /** `default` where the document has none, as `kubectl` has it. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Milliseconds since 1970; objects without it count as the newest. Of two that conflict, the oldest wins, then the first by name. */
  readonly creationTimestamp: number | undefined;
}

/** An object that passed the checks of its kind. Immutable: a change makes a new one, so identity tells whether it changed. */
export interface MeshObject<Spec = unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  /** With defaults filled in. */
  readonly spec: Spec;
  /** Where a field stands; the path begins at the root of the document. */
  place(path?: FieldPath): Place;
}

/** Tells objects apart: `VirtualService/default/reviews`. */
export function objectKey({ kind, metadata }: Pick<MeshObject, "kind" | "metadata">): string {
  return `${kind}/${metadata.namespace}/${metadata.name}`;
}

/** The order in which conflicting objects win: oldest, then by name, then by namespace (Istio's `sortConfigByCreationTime`). */
export function compareAge(a: MeshObject, b: MeshObject): number {
  const age = (a.metadata.creationTimestamp ?? Infinity) - (b.metadata.creationTimestamp ?? Infinity);
  if (age !== 0 && !Number.isNaN(age)) return age;
  return compareText(a.metadata.name, b.metadata.name) || compareText(a.metadata.namespace, b.metadata.namespace);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
