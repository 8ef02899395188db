import { dirname, normalize, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { statSync, type watch } from "node:fs";
import { Code, type Problem, type Source, type SourceChange, type SourceFile } from "../../model/index.ts";
import { type ManifestsRead, readManifests } from "../../model/manifest/index.ts";
import { looksUnfinished, readFile, type Stamp, stampOf } from "./read-file.ts";
import { reasonOf, Tree } from "./tree.ts";

export interface DirectoryOptions {
  /** Milliseconds that a file which looks unfinished, or is gone, has to stay so before it counts. 20: editors and shells are done by then. */
  readonly settle?: number;
  /** Milliseconds after which changes are handed over although some file does not come to rest. 250. */
  readonly patience?: number;
  /** Milliseconds between looks at everything, for file systems that tell nothing (NFS, some mounts of containers). 10,000; longer where a look takes more than a hundredth. */
  readonly sweep?: number;
  /** Node's `fs.watch`. */
  readonly watch?: typeof watch;
}

/** What was handed over of a file the last time. */
interface FileState {
  readonly digest: string;
  /** Undefined where it may have changed within the tick of the file system's clock. */
  readonly stamp: string | undefined;
  readonly read: ManifestsRead;
}

/** What a file is now, not handed over yet. */
interface Staged {
  readonly state: FileState | undefined;
  readonly change: SourceFile;
  /** When it began to look unfinished, by `performance.now()`; undefined where it does not. */
  readonly unfinishedSince: number | undefined;
  readonly stamp: string;
}

const NOTHING: ManifestsRead = { manifests: [], problems: [], broken: true };

/** Directories, and files, of YAML and JSON, watched. */
export class DirectorySource implements Source {
  readonly name: string;
  readonly #roots: readonly string[];
  readonly #tree: Tree;
  readonly #settle: number;
  readonly #patience: number;
  readonly #sweep: number;
  readonly #files = new Map<string, FileState>();
  readonly #staged = new Map<string, Staged>();
  readonly #toRead = new Set<string>();
  /** What could not be read, and can again. */
  readonly #readable = new Set<string>();
  #changed: ((change: SourceChange) => void) | undefined;
  #complete = true;
  #toldUnwatched: string | undefined;
  #lookAtAll = true;
  /** Since when changes wait for a file to come to rest. */
  #waitingSince: number | undefined;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #nextSweep: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(roots: readonly string[], { settle = 20, patience = 250, sweep = 10_000, watch: open }: DirectoryOptions = {}) {
    this.#roots = withoutNested(roots);
    this.name = `directory ${this.#roots.join(", ")}`;
    this.#settle = settle;
    this.#patience = patience;
    this.#sweep = sweep;
    this.#tree = new Tree(
      this.#roots,
      {
        file: (path) => this.#toRead.add(path),
        gone: (path) => {
          this.#gone(path);
        },
        unreadable: (path, reason) => {
          this.#unreadable(path, reason);
        },
      },
      () => {
        void this.#run();
      },
      open,
    );
  }

  async start(changed: (change: SourceChange) => void): Promise<void> {
    this.#changed = changed;
    await this.refresh();
    this.#planSweep(0);
  }

  async refresh(): Promise<void> {
    if (this.#closed) return;
    this.#lookAtAll = true;
    // Whoever was at work may have been done with looking.
    while (this.#lookAtAll || this.#running !== undefined) await this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#changed = undefined;
    clearTimeout(this.#nextSweep);
    this.#tree[Symbol.dispose]();
    this.#wake?.();
    await this.#running;
  }

  #planSweep(took: number): void {
    if (this.#closed) return;
    this.#nextSweep = setTimeout(
      () => {
        const start = performance.now();
        void this.refresh().then(() => {
          this.#planSweep(performance.now() - start);
        });
      },
      Math.max(this.#tree.unwatched === undefined ? this.#sweep : Math.min(this.#sweep, 1000), took * 100),
    );
    this.#nextSweep.unref();
  }

  #run(): Promise<void> {
    this.#wake?.();
    return (this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
    }));
  }

  /** Looks, reads and hands over until nothing is left to do. */
  async #work(): Promise<void> {
    // Events of one write come together; those that are there already are seen first.
    await new Promise(setImmediate);
    for (;;) {
      if (this.#closed) return;
      const everything = this.#lookAtAll;
      this.#lookAtAll = false;
      this.#tree.look(everything);
      await this.#read();
      const wait = this.#timeToRest();
      if (wait > 0) await this.#rest(wait);
      else {
        this.#handOver();
        if (!this.#lookAtAll && this.#toRead.size === 0 && !this.#tree.isDirty) return;
      }
    }
  }

  async #read(): Promise<void> {
    let since = performance.now();
    for (const path of this.#toRead) {
      this.#toRead.delete(path);
      this.#readOne(path);
      // Proxies are answered in between.
      if (performance.now() - since < 10) continue;
      await new Promise(setImmediate);
      since = performance.now();
    }
  }

  #readOne(path: string): void {
    const before = this.#files.get(path);
    const staged = this.#staged.get(path);
    try {
      const now = statSync(path, { bigint: true });
      if (staged === undefined && before?.stamp === stampOf(now).identity) return;
      const { bytes, digest, stamp, steady } = readFile(path);
      if (!steady) this.#toRead.add(path);
      if (staged?.state?.digest === digest && staged.stamp === stamp.identity) return;
      if (before?.digest === digest) {
        this.#files.set(path, { ...before, stamp: trusted(stamp) });
        this.#staged.delete(path);
        return;
      }
      const read = readManifests(path, bytes, before?.read);
      const unfinished = looksUnfinished(bytes, read, before?.read.manifests.length ?? 0) || changedSince(path, stamp);
      this.#staged.set(path, {
        state: { digest, stamp: trusted(stamp), read: read.broken && before !== undefined ? before.read : read },
        change: { file: path, ...read },
        unfinishedSince: unfinished ? performance.now() - Math.min(Math.max(Date.now() - stamp.written, 0), this.#settle) : undefined,
        stamp: stamp.identity,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") this.#gone(path);
      else this.#unreadable(path, reasonOf(error));
    }
  }

  #gone(path: string): void {
    this.#toRead.delete(path);
    if (!this.#files.has(path)) {
      this.#staged.delete(path);
      return;
    }
    const change: SourceFile = { file: path, manifests: [], problems: [], broken: false };
    const unfinishedSince = this.#staged.get(path)?.unfinishedSince ?? performance.now();
    this.#staged.set(path, { state: undefined, change, unfinishedSince, stamp: "" });
  }

  #unreadable(path: string, reason: string | undefined): void {
    if (reason === undefined) {
      this.#readable.add(path);
      return;
    }
    const before = this.#files.get(path);
    if (before?.digest === reason) return;
    const message = `cannot be read: ${reason}`;
    const problem: Problem = { file: path, line: 1, column: 1, level: "error", code: Code.Unreadable, path: [], message };
    this.#staged.set(path, {
      state: { digest: reason, stamp: undefined, read: before?.read ?? NOTHING },
      change: { file: path, manifests: undefined, problems: [problem], broken: true },
      unfinishedSince: undefined,
      stamp: "",
    });
  }

  /** A file that can be read again says so by what it holds; a directory says so here. */
  #clearReadable(): void {
    for (const path of this.#readable) {
      if (!this.#staged.has(path) && this.#files.get(path)?.stamp === undefined && this.#files.get(path)?.read === NOTHING)
        this.#staged.set(path, {
          state: undefined,
          change: { file: path, ...NOTHING, broken: false },
          unfinishedSince: undefined,
          stamp: "",
        });
    }
    this.#readable.clear();
  }

  /** A directory that is not watched is looked at every second; that is slower, and no error. */
  #tellUnwatched(): void {
    const reason = this.#tree.unwatched;
    const [file = ""] = this.#roots;
    if (reason === this.#toldUnwatched || this.#staged.has(file) || this.#files.has(file)) return;
    this.#toldUnwatched = reason;
    const message = `changes are seen within seconds only, because not all directories can be watched: ${reason ?? ""}; raise fs.inotify.max_user_watches or max_user_instances`;
    const problems: Problem[] =
      reason === undefined ? [] : [{ file, line: 1, column: 1, level: "warning", code: Code.Unreadable, path: [], message }];
    this.#staged.set(file, {
      state: undefined,
      change: { file, manifests: [], problems, broken: false },
      unfinishedSince: undefined,
      stamp: "",
    });
  }

  /** Milliseconds until what looks unfinished counts as it is; 0 where nothing is waited for. */
  #timeToRest(): number {
    const now = performance.now();
    let wait = 0;
    for (const { unfinishedSince } of this.#staged.values()) {
      if (unfinishedSince !== undefined) wait = Math.max(wait, unfinishedSince + this.#settle - now);
    }
    if (wait <= 0) return 0;
    this.#waitingSince ??= now;
    return Math.max(0, Math.min(wait, this.#waitingSince + this.#patience - now));
  }

  async #rest(milliseconds: number): Promise<void> {
    const stop = new AbortController();
    this.#wake = () => {
      stop.abort();
    };
    await sleep(milliseconds, undefined, { signal: stop.signal }).catch(() => undefined);
    this.#wake = undefined;
    // Whoever writes on without an event has changed the file by now.
    for (const [path, { unfinishedSince, state }] of this.#staged)
      if (unfinishedSince !== undefined && state !== undefined) this.#toRead.add(path);
  }

  #handOver(): void {
    this.#waitingSince = undefined;
    this.#clearReadable();
    this.#tellUnwatched();
    const files: SourceFile[] = [];
    for (const [path, { state, change }] of this.#staged) {
      files.push(change);
      if (state === undefined) this.#files.delete(path);
      else this.#files.set(path, state);
    }
    this.#staged.clear();
    if (files.length === 0 && !this.#complete) return;
    const complete = this.#complete;
    this.#complete = false;
    files.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
    this.#changed?.({ files, complete });
  }
}

/** Some file systems' clocks tick every 10 ms: what was written in the tick of the last look may change without a new time. */
function trusted({ identity, written }: Stamp): string | undefined {
  return Math.abs(Date.now() - written) > 50 ? identity : undefined;
}

function changedSince(path: string, { identity }: Stamp): boolean {
  const now = statSync(path, { bigint: true, throwIfNoEntry: false });
  return now === undefined || stampOf(now).identity !== identity;
}

/** Roots that no other root holds. */
function withoutNested(roots: readonly string[]): readonly string[] {
  const kept = new Map<string, string>();
  for (const each of roots) {
    const root = normalize(each).replace(/(?<=.)\/+$/, "");
    if (!kept.has(resolve(root))) kept.set(resolve(root), root);
  }
  const inside = (path: string): boolean => {
    for (let above = dirname(path); above !== dirname(above); above = dirname(above)) if (kept.has(above)) return true;
    return false;
  };
  return [...kept].filter(([path]) => !inside(path)).map(([, root]) => root);
}
