import type { Contribution } from "./contribution.ts";
import type { FieldType } from "./fields/index.ts";
import type { MeshView } from "./mesh-view.ts";
import type { MeshObject } from "./object.ts";
import type { FieldPath } from "./place.ts";
import type { Level } from "./problem.ts";
import type { MeshSettings } from "./settings.ts";

/** Reports a problem at a field of the object that is being checked; the path begins at the root of the document. */
export type Report = (level: Level, code: string, path: FieldPath, message: string) => void;

/** The value of a part of a document, or undefined where anything is wrong with it. */
export type PartReader = <T>(type: FieldType<T>, value: unknown) => T | undefined;

/** One kind of object of Istio or Kubernetes. */
export interface Kind<Spec = unknown> {
  readonly kind: string;
  /** `networking.istio.io`; empty for Kubernetes' core. */
  readonly group: string;
  /** Every version that is read, the current first: `["v1", "v1beta1", "v1alpha3"]`. */
  readonly versions: readonly string[];
  /** Where the fields stand: under `spec`, or in the document itself beside `metadata`. */
  readonly body: "spec" | "document";
  readonly fields: FieldType<Spec>;
  /** What the fields cannot tell one by one, but the object by itself. An error refuses the object. */
  check?(object: MeshObject<Spec>, report: Report): void;
  /**
   * Of a kind that protects workloads: what holds in the place of an object with errors that has no good version, so that what it would have governed is denied and not open to all. Undefined where it
   * would have denied nothing.
   *
   * @param body what the document has in the place of a spec; any value of JSON
   */
  standIn?(object: Pick<MeshObject, "metadata">, body: unknown, read: PartReader): Spec | undefined;
  /** What the object adds to the mesh; `settings` are those in force. */
  contribute(object: MeshObject<Spec>, settings: MeshSettings): Contribution;
  /** Whether what it speaks of is there, and whether others are in its way. Reports do not refuse the object: others may come later. */
  checkInMesh?(object: MeshObject<Spec>, mesh: MeshView, report: Report): void;
}
