import { lstatSync, readlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Which directories symbolic links lead through: what happens there may change what the links mean. */
export class LinkedDirectories {
  readonly #directories = new Map<string, readonly string[]>();
  readonly #links = new Map<string, Set<string>>();

  /** The links that lead through a directory. */
  through(directory: string): ReadonlySet<string> {
    return this.#links.get(directory) ?? NONE;
  }

  /** Follows a link as it is now; tells the directories that no link led through before, and those that none does any more. */
  set(link: string): { readonly added: readonly string[]; readonly dropped: readonly string[] } {
    const before = this.#directories.get(link) ?? [];
    const after = directoriesOf(link);
    this.#directories.set(link, after);
    for (const directory of after) {
      const links = this.#links.get(directory);
      if (links === undefined) this.#links.set(directory, new Set([link]));
      else links.add(link);
    }
    return {
      added: after,
      dropped: this.#drop(
        link,
        before.filter((directory) => !after.includes(directory)),
      ),
    };
  }

  /** Forgets a link; tells the directories that no link leads through any more. */
  delete(link: string): readonly string[] {
    const before = this.#directories.get(link) ?? [];
    this.#directories.delete(link);
    return this.#drop(link, before);
  }

  #drop(link: string, directories: readonly string[]): string[] {
    return directories.filter((directory) => {
      const links = this.#links.get(directory);
      links?.delete(link);
      if (links?.size !== 0) return false;
      this.#links.delete(directory);
      return true;
    });
  }
}

const NONE: ReadonlySet<string> = new Set();

/** The directories in which a link, and every link that it leads to, stands, and that of what it means in the end. Absolute. */
function directoriesOf(link: string): readonly string[] {
  const found = new Set<string>();
  let at = resolve(link);
  // As many as Linux follows.
  for (let hops = 0; hops < 40; hops++) {
    // A part of the path may be a link itself, as in Kubernetes' `..data/a.yaml`.
    const linked = firstLink(at);
    found.add(dirname(linked ?? at));
    if (linked === undefined) break;
    at = join(resolve(dirname(linked), readlinkSync(linked)), at.slice(linked.length));
  }
  return [...found];
}

function firstLink(path: string): string | undefined {
  const parts = path.split("/");
  for (let count = 2; count <= parts.length; count++) {
    const part = parts.slice(0, count).join("/");
    const stat = lstatSync(part, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (stat.isSymbolicLink()) return part;
  }
  return undefined;
}
