import { type FSWatcher, statSync, watch } from "node:fs";
import { basename } from "node:path";

/** Tells that something happened to an entry of a directory; without a name, to any of them. */
export type Notify = (directory: string, name: string | undefined) => void;

interface Watch {
  readonly watcher: FSWatcher;
  /** What the watch is bound to: it follows a directory that is moved away, and the path then means another. */
  readonly identity: string;
  /** Something happened to the directory itself: it may be gone, and another at its path with the same inode, of which this watch would tell nothing. */
  suspect: boolean;
}

/**
 * Watches of single directories by Node's `fs.watch` (on Linux inotify: an event reaches us some 0.4 ms after a rename, and nothing polls). Recursive watching is left
 * out: Node does it by watching every file, and tells nothing of directories that symbolic links lead to.
 */
export class Watches implements Disposable {
  readonly #watches = new Map<string, Watch>();
  readonly #notify: Notify;
  readonly #open: typeof watch;
  readonly #failures = new Map<string, string>();

  /** @param open Node's `fs.watch` */
  constructor(notify: Notify, open: typeof watch = watch) {
    this.#notify = notify;
    this.#open = open;
  }

  /** Watches a directory from now on; true where it was not watched before, or the path means another directory than it did. */
  add(directory: string): boolean {
    const known = this.#watches.get(directory);
    if (known !== undefined && !known.suspect && known.identity === identityOf(directory)) return false;
    this.remove(directory);
    try {
      let identity = identityOf(directory);
      for (let before; identity !== undefined && before !== identity;) {
        // The path may mean another directory by the time that it is watched.
        this.remove(directory);
        before = identity;
        this.#watches.set(directory, { watcher: this.#watch(directory), identity, suspect: false });
        identity = identityOf(directory);
      }
      this.#failures.delete(directory);
    } catch (error) {
      this.#failures.set(directory, error instanceof Error ? error.message : String(error));
    }
    return true;
  }

  #watch(directory: string): FSWatcher {
    const watcher = this.#open(directory, (_, name) => {
      const watch = this.#watches.get(directory);
      // What happens to the directory itself comes by its own name.
      if (watch?.watcher === watcher && (name === null || name === basename(directory))) watch.suspect = true;
      this.#notify(directory, name ?? undefined);
    });
    // A watched directory that is deleted ends its watch on some systems with an error.
    watcher.on("error", () => {
      this.remove(directory);
      this.#notify(directory, undefined);
    });
    return watcher;
  }

  /** Why some directory is not watched, which is mostly a limit of the machine; undefined where all are. */
  get failure(): string | undefined {
    return this.#failures.values().next().value;
  }

  remove(directory: string): void {
    this.#failures.delete(directory);
    this.#watches.get(directory)?.watcher.close();
    this.#watches.delete(directory);
  }

  [Symbol.dispose](): void {
    for (const { watcher } of this.#watches.values()) watcher.close();
    this.#watches.clear();
  }
}

function identityOf(directory: string): string | undefined {
  const stat = statSync(directory, { throwIfNoEntry: false, bigint: true });
  return stat?.isDirectory() === true ? `${stat.dev}:${stat.ino}:${stat.birthtimeNs}` : undefined;
}
