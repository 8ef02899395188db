import { lstatSync, readdirSync, realpathSync, statSync, type watch } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isHidden, isManifestFile } from "./file-names.ts";
import { LinkedDirectories } from "./linked-directories.ts";
import { Watches } from "./watches.ts";

/** What the tree finds; paths as problems tell them. */
export interface Findings {
  /** A file that may be new, or another than before. */
  file(path: string): void;
  /** A file that is gone. */
  gone(path: string): void;
  /** A root, directory or link that cannot be read; undefined where it can again. */
  unreadable(path: string, reason: string | undefined): void;
}

/** How deep directories are followed: links that lead round in circles end here too. */
const DEPTH = 32;

/** What is known of a directory. */
interface Directory {
  readonly depth: number;
  readonly entries: Set<string>;
}

/**
 * The files below the roots, found by watching every directory; symbolic links are followed, and whatever may change where they lead is watched too. Says what has to be looked at,
 * and reads no file.
 */
export class Tree implements Disposable {
  readonly #roots: readonly string[];
  readonly #findings: Findings;
  readonly #watches: Watches;
  readonly #directories = new Map<string, Directory>();
  readonly #files = new Set<string>();
  readonly #unreadable = new Set<string>();
  /** Which links lead through a directory: what happens there may change what they mean. */
  readonly #links = new LinkedDirectories();
  /** Directories above the roots. */
  readonly #above = new Set<string>();
  readonly #dirty = new Set<string>();
  /** Directories whose entries are all to be looked at. */
  readonly #toList = new Set<string>();

  /** @param wake called where something is to be looked at: `look` does */
  constructor(roots: readonly string[], findings: Findings, wake: () => void, open?: typeof watch) {
    this.#roots = roots;
    this.#findings = findings;
    this.#watches = new Watches((directory, name) => {
      this.#happened(directory, name);
      if (this.isDirty) wake();
    }, open);
  }

  /** Why some directory is not watched; undefined where all are. */
  get unwatched(): string | undefined {
    return this.#watches.failure;
  }

  /** Whether there is something to look at. */
  get isDirty(): boolean {
    return this.#dirty.size > 0 || this.#toList.size > 0;
  }

  /** Looks at what something happened to, or at everything. */
  look(everything: boolean): void {
    if (everything) {
      for (const root of this.#roots) this.#dirty.add(root);
      for (const path of this.#directories.keys()) this.#toList.add(path);
    }
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const path of dirty) {
      if (this.#roots.includes(path)) this.#lookAtRoot(path);
      else if (this.#isBelowRoot(path)) this.#lookAt(path, this.#directories.get(dirname(path))?.depth ?? 0);
    }
    for (const path of this.#toList) this.#lookInto(path);
  }

  [Symbol.dispose](): void {
    this.#watches[Symbol.dispose]();
  }

  #happened(directory: string, name: string | undefined): void {
    for (const link of this.#links.through(directory)) this.#dirty.add(link);
    // A directory above a root.
    for (const root of this.#roots) {
      const above = join(resolve(directory), "/");
      const below = resolve(root);
      if (below.startsWith(above) && (name === undefined || below.slice(above.length).split("/")[0] === name)) this.#dirty.add(root);
    }
    if (!this.#directories.has(directory)) return;
    // A directory that is deleted or moved away tells so by its own name.
    if (name === undefined || name === basename(directory)) this.#dirty.add(directory);
    if (name === undefined) this.#toList.add(directory);
    else if (!isHidden(name)) this.#dirty.add(join(directory, name));
  }

  #isBelowRoot(path: string): boolean {
    return this.#directories.has(path) || this.#directories.has(dirname(path)) || this.#files.has(path);
  }

  #lookAtRoot(root: string): void {
    this.#watchAbove(root);
    if (lstatSync(root, { throwIfNoEntry: false }) === undefined) {
      // A root that is gone is more likely moved, or not mounted, than meant to be empty.
      this.#forget(root);
      this.#say(root, "there is no such file or directory");
      return;
    }
    this.#lookAt(root, 0, true);
  }

  /** The nearest directory above a root that is there tells when the root is moved, made or replaced. */
  #watchAbove(root: string): void {
    let above = dirname(resolve(root));
    while (statSync(above, { throwIfNoEntry: false })?.isDirectory() !== true && dirname(above) !== above) above = dirname(above);
    this.#above.add(above);
    this.#watches.add(above);
  }

  /** A directory that no link leads through any more. */
  #unwatch(directory: string): void {
    if (!this.#above.has(directory)) this.#watches.remove(directory);
  }

  #lookAt(path: string, depth: number, isRoot = false): void {
    try {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat === undefined) this.#gone(path);
      else if (stat.isSymbolicLink()) this.#followLink(path, depth, isRoot);
      else if (stat.isDirectory()) this.#lookAtDirectory(path, depth);
      else if (isRoot || isManifestFile(basename(path))) this.#found(path);
    } catch (error) {
      this.#say(path, reasonOf(error));
    }
  }

  #followLink(path: string, depth: number, isRoot: boolean): void {
    const { added, dropped } = this.#links.set(path);
    for (const directory of added) this.#watches.add(directory);
    for (const directory of dropped) this.#unwatch(directory);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) {
      if (isRoot || this.#files.has(path) || this.#directories.has(path) || isManifestFile(basename(path)))
        this.#say(path, "the link leads nowhere");
    } else if (stat.isDirectory()) this.#lookAtDirectory(path, depth);
    else if (isRoot || isManifestFile(basename(path))) this.#found(path);
  }

  #found(path: string): void {
    // What was a directory before.
    this.#goneBelow(path);
    this.#files.add(path);
    this.#directories.get(dirname(path))?.entries.add(path);
    this.#say(path, undefined);
    this.#findings.file(path);
  }

  #lookAtDirectory(path: string, depth: number): void {
    if (this.#files.delete(path)) this.#findings.gone(path);
    const isNew = this.#watches.add(path);
    if (!this.#directories.has(path)) this.#directories.set(path, { depth: depth + 1, entries: new Set() });
    this.#directories.get(dirname(path))?.entries.add(path);
    if (isNew) this.#lookInto(path);
  }

  /** Every entry of a directory, also those that are no more. The watch stands before, so nothing is missed between. */
  #lookInto(path: string): void {
    this.#toList.delete(path);
    const directory = this.#directories.get(path);
    if (directory === undefined) return;
    if (directory.depth > DEPTH) {
      this.#say(path, `more than ${DEPTH} directories deep; does a link lead round in a circle?`);
      return;
    }
    let names: string[];
    try {
      if (isCircle(path)) return;
      names = readdirSync(path);
    } catch (error) {
      this.#say(path, reasonOf(error));
      return;
    }
    this.#say(path, undefined);
    const there = new Set(names.filter((name) => !isHidden(name)).map((name) => join(path, name)));
    for (const entry of [...directory.entries]) if (!there.has(entry)) this.#gone(entry);
    for (const entry of there) this.#lookAt(entry, directory.depth);
  }

  #gone(path: string): void {
    this.#say(path, undefined);
    for (const directory of this.#links.delete(path)) this.#unwatch(directory);
    this.#directories.get(dirname(path))?.entries.delete(path);
    if (this.#files.delete(path)) this.#findings.gone(path);
    this.#goneBelow(path);
  }

  #goneBelow(path: string): void {
    const directory = this.#directories.get(path);
    if (directory === undefined) return;
    this.#directories.delete(path);
    this.#watches.remove(path);
    for (const entry of directory.entries) this.#gone(entry);
  }

  /** Watches no more what is below, and remembers it: it is compared when the directory is back. */
  #forget(root: string): void {
    for (const path of this.#directories.keys()) if (path === root || path.startsWith(join(root, "/"))) this.#watches.remove(path);
  }

  #say(path: string, reason: string | undefined): void {
    if (reason === undefined ? !this.#unreadable.delete(path) : this.#unreadable.has(path)) return;
    if (reason !== undefined) this.#unreadable.add(path);
    this.#findings.unreadable(path, reason);
  }
}

/** Whether a directory that links lead to is one of those above it. */
function isCircle(path: string): boolean {
  const real = realpathSync(path);
  for (let above = dirname(path); above !== dirname(above); above = dirname(above)) if (realpathSync(above) === real) return true;
  return false;
}

export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "ELOOP":
      return "the link leads round in a circle";
    default:
      return message ?? String(error);
  }
}
