import { Code, type Manifest, type Problem, type Source, type SourceChange, type SourceFile } from "../../model/index.ts";
import { type ManifestsRead, readManifests } from "../../model/manifest/index.ts";

/** Where the texts are kept over a restart. */
export interface ApiStore {
  /** Texts by name; empty where nothing was kept. Throws where what was kept cannot be read. */
  read(): ReadonlyMap<string, string>;
  /** Replaces everything: what a crash leaves is the old or the new. Rejects where it cannot be kept. */
  write(texts: ReadonlyMap<string, string>): Promise<void>;
}

/** A file as it is to be; undefined where it is to be gone. Where its manifests are known already, its text is not read again. */
export type ApiFile = string | { readonly text: string; readonly manifests: readonly Manifest[] } | undefined;

/** A change that nothing knows of yet. */
export interface StagedChange {
  readonly change: SourceChange;
  /** Keeps it, and takes it for what is there; where it cannot be kept, rejects and changes nothing. */
  readonly keep: () => Promise<void>;
}

/** Under this stands every file of an {@link ApiSource}. */
export const API_FOLDER = "api";

/**
 * Objects that come by the API, beside those of directories: one file for each, which is on the disk before it counts. Without a store they live as long as the process.
 */
export class ApiSource implements Source {
  readonly name = "API";
  private readonly store: ApiStore | undefined;
  private readonly texts = new Map<string, string>();
  private readonly reads = new Map<string, Pick<ManifestsRead, "manifests">>();
  private changed: ((change: SourceChange) => void) | undefined;
  /** Why what was kept cannot be read: it must not be written over. */
  private damage: string | undefined;

  constructor(store?: ApiStore) {
    this.store = store;
  }

  /** Names of its files. */
  has(file: string): boolean {
    return this.texts.has(file);
  }

  owns(file: string): boolean {
    return file.startsWith(`${API_FOLDER}/`);
  }

  /** Whether its objects outlive the process. */
  get isKept(): boolean {
    return this.store !== undefined;
  }

  start(changed: (change: SourceChange) => void): Promise<void> {
    this.changed = changed;
    try {
      for (const [file, text] of this.store?.read() ?? []) this.texts.set(file, text);
    } catch (error) {
      this.damage = error instanceof Error ? error.message : String(error);
    }
    const damaged = this.damage === undefined ? [] : [unreadable(this.damage)];
    changed({ files: [...damaged, ...Array.from(this.texts, ([file, text]) => this.read(file, text))], complete: true });
    return Promise.resolve();
  }

  refresh(): Promise<void> {
    return Promise.resolve();
  }

  /** What a change of files would be. */
  stage(files: ReadonlyMap<string, ApiFile>): StagedChange {
    const changes = [...files].filter(([file, to]) => this.texts.get(file) !== (typeof to === "object" ? to.text : to));
    const read = changes.map(([file, to]) => this.read(file, to));
    return {
      change: { files: read, complete: false },
      keep: async () => {
        if (this.damage !== undefined) throw new Error(`what was kept is not written over as long as it cannot be read: ${this.damage}`);
        const texts = new Map(this.texts);
        for (const [file, to] of changes) {
          if (to === undefined) texts.delete(file);
          else texts.set(file, typeof to === "object" ? to.text : to);
        }
        await this.store?.write(texts);
        this.texts.clear();
        for (const [file, text] of texts) this.texts.set(file, text);
        for (const { file, manifests = [], broken } of read) {
          if (manifests.length === 0) this.reads.delete(file);
          else if (!broken) this.reads.set(file, { manifests: manifests as ManifestsRead["manifests"] });
        }
      },
    };
  }

  /** Changes files, and hands over what is another. */
  async apply(files: ReadonlyMap<string, ApiFile>): Promise<void> {
    const { change, keep } = this.stage(files);
    if (change.files.length === 0) return;
    await keep();
    this.changed?.(change);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.changed = undefined;
    return Promise.resolve();
  }

  private read(file: string, to: ApiFile): SourceFile {
    if (to === undefined) return { file, manifests: [], problems: [], broken: false };
    if (typeof to === "object") return { file, manifests: to.manifests, problems: [], broken: false };
    const before = this.reads.get(file);
    const read = readManifests(file, to, before === undefined ? undefined : { ...before, problems: [], broken: false });
    if (!this.texts.has(file) || this.texts.get(file) === to) this.reads.set(file, read);
    return { file, ...read };
  }
}

/** What was read from there before goes on to count. */
function unreadable(reason: string): SourceFile {
  const problem: Problem = {
    file: API_FOLDER,
    line: 1,
    column: 1,
    level: "error",
    code: Code.Unreadable,
    path: [],
    message: `objects of the API cannot be read: ${reason}`,
  };
  return { file: API_FOLDER, manifests: undefined, problems: [problem], broken: true };
}
