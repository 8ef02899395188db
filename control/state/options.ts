import type { StateFiles } from "./state-file.ts";

export interface StateOptions {
  /** Hears why the state could not be read or written; the service goes on without. */
  readonly warn: (message: string) => void;
  /** Hears that it can be written again. */
  readonly info?: (message: string) => void;
  /** Milliseconds between two writes at least: a directory that changes all the time does not keep the disk busy. 1,000; longer where a write takes more than a twentieth of it. */
  readonly interval?: number;
  /** Milliseconds until what could not be written is tried again, whether something changes or not: 10,000. */
  readonly retry?: number;
  /** Default: Node's. */
  readonly files?: StateFiles;
}
