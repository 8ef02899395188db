import type { StateOptions } from "./options.ts";
import { readStateFile, type StateDocument } from "./state-file.ts";
import { reasonOf, StateWriter } from "./state-writer.ts";

/** How an entry stands in its file. */
export interface EntryFormat<Entry> {
  /** What is not known where the file is broken, for the warning: `what proxies told`. */
  readonly what: string;
  /** Undefined: nothing of it is worth keeping. */
  readonly write: (entry: Entry) => StateDocument | undefined;
  /** Undefined where it is no such entry. */
  readonly read: (document: StateDocument) => Entry | undefined;
}

/** What was learnt while the service ran, kept in a file of its own over a restart. */
export class KeptList<Entry> implements AsyncDisposable {
  readonly #path: string;
  readonly #options: StateOptions;
  readonly #format: EntryFormat<Entry>;
  readonly #writer: StateWriter;

  constructor(path: string, options: StateOptions, format: EntryFormat<Entry>) {
    this.#path = path;
    this.#options = options;
    this.#format = format;
    this.#writer = new StateWriter(path, options);
  }

  /** What was kept; nothing where nothing was, or it is broken. */
  read(): readonly Entry[] {
    try {
      return (readStateFile(this.#path) ?? []).map(this.#format.read).filter((entry) => entry !== undefined);
    } catch (error) {
      this.#options.warn(`${this.#format.what} is not known any more: ${reasonOf(error)}`);
      return [];
    }
  }

  /** Keeps those that there are, soon; they are looked at when they are written. */
  keep(entries: () => Iterable<Entry>): void {
    this.#writer.keep(() => Array.from(entries(), this.#format.write).filter((document) => document !== undefined));
  }

  /** Writes what is still to be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }
}
