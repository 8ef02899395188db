import { readManifests } from "../../model/manifest/index.ts";
import type { Source, SourceChange } from "../../model/index.ts";

/** A source whose files are given by whoever holds it: for tests, and for what comes by an API. */
export class MemorySource implements Source {
  readonly name: string;
  readonly #files = new Map<string, string | Uint8Array>();
  #changed: ((change: SourceChange) => void) | undefined;
  readonly #last = new Map<string, ReturnType<typeof readManifests>>();

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}, name = "memory") {
    this.name = name;
    for (const [file, text] of Object.entries(files)) this.#files.set(file, text);
  }

  async start(changed: (change: SourceChange) => void): Promise<void> {
    this.#changed = changed;
    changed({ files: [...this.#files].map(([file, text]) => this.#read(file, text)), complete: true });
    return Promise.resolve();
  }

  /** Sets the text of files, and removes those that are undefined; one change. */
  apply(files: Readonly<Record<string, string | Uint8Array | undefined>>): void {
    const changes = Object.entries(files).filter(([file, text]) => this.#files.get(file) !== text);
    for (const [file, text] of changes) {
      if (text === undefined) this.#files.delete(file);
      else this.#files.set(file, text);
    }
    if (changes.length > 0) this.#changed?.({ files: changes.map(([file, text]) => this.#read(file, text)), complete: false });
  }

  refresh(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#changed = undefined;
    return Promise.resolve();
  }

  #read(file: string, text: string | Uint8Array | undefined): SourceChange["files"][number] {
    if (text === undefined) {
      this.#last.delete(file);
      return { file, manifests: [], problems: [], broken: false };
    }
    const read = readManifests(file, text, this.#last.get(file));
    if (!read.broken) this.#last.set(file, read);
    return { file, ...read };
  }
}
