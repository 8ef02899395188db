import type { Manifest } from "./manifest.ts";
import type { Problem } from "./problem.ts";

/** One file, or whatever else a source reads as a whole, as it is now. */
export interface SourceFile {
  /** Its name, as problems tell it. */
  readonly file: string;
  /**
   * Its documents, in order; empty where the file is gone. A manifest that is the very one of the last time has not changed. Undefined where it cannot be read, and where it is
   * a directory nothing below it can: what was read from there before goes on to count.
   */
  readonly manifests: readonly Manifest[] | undefined;
  /** What is wrong with the file as a whole, and with the documents that could not be read. */
  readonly problems: readonly Problem[];
  /** True where a document could not be read, so `manifests` are not all that stands in the file. */
  readonly broken: boolean;
}

/** What changed at one moment. It is applied as a whole. */
export interface SourceChange {
  readonly files: readonly SourceFile[];
  /** True for all that there is: what is not among `files` is gone. The first change always is. */
  readonly complete: boolean;
}

/**
 * Where manifests come from. Whoever made it starts it once and disposes of it; it calls `changed` one change at a time, and never for what is as it was.
 */
export interface Source extends AsyncDisposable {
  /** For messages: `directory mesh/`. */
  readonly name: string;
  /** Reads everything and hands it over as the first change before it resolves: nothing is served of a part. Never rejects because of what was read. */
  start(changed: (change: SourceChange) => void): Promise<void>;
  /** Of a source whose objects are judged before it keeps them: whether a file is one of its. They count after a restart whatever becomes of the others. */
  owns?(file: string): boolean;
  /** Reads to the end: what was written before the call has been handed over when it resolves. */
  refresh(): Promise<void>;
}
