import type { FieldPath, Place } from "./place.ts";

/** One document of a source, read but not yet understood. */
export interface Manifest {
  /** The whole document as plain data: mappings, lists, strings, numbers, booleans and null. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Where a field stands; of a field that is not there, its nearest parent. */
  place(path: FieldPath): Place;
}
