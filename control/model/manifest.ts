import type { FieldPath, Place } from "./place.ts";
import type { Problem } from "./problem.ts";

/** One document of a source, read but not yet understood. */
export interface Manifest {
  /** The whole document as plain data: mappings, lists, strings, numbers, booleans and null. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Where a field stands; of a field that is not there, its nearest parent. */
  place(path: FieldPath): Place;
  /** What is wrong with the document itself, as a key that stands there twice; an error refuses the object. */
  readonly problems?: readonly Problem[];
  /** The text that it was read from, to keep it and read it again; undefined for what was never text. */
  readonly source?: ManifestSource | undefined;
}

/** Where the text of a manifest stands. */
export interface ManifestSource {
  readonly file: string;
  /** Line of the file on which `text` begins, from 1. */
  readonly line: number;
  readonly text: string;
  /** For an entry of a `List`, its place in the list. */
  readonly item: number | undefined;
}
