import { createHash, randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../harness/make-folder.ts";
import { sha256Of } from "./unpack.ts";

/** What was fetched, kept in a directory by its digest, so that a restart needs nobody. What it gives is checked again. */
export class ModuleCache {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A module by its digest, or the one that came for a request; undefined where there is none, or it is broken. */
  async find(key: string, sha256: string | undefined): Promise<Uint8Array | undefined> {
    try {
      const digest = sha256 ?? (await readFile(this.pathOf(key), "utf8")).trim();
      if (!/^[0-9a-f]{64}$/.test(digest)) return undefined;
      const bytes = await readFile(join(this.folder, `${digest}.wasm`));
      return sha256Of(bytes) === digest ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  /** @throws Error where it cannot be written */
  async keep(key: string, module: Uint8Array): Promise<void> {
    const digest = sha256Of(module);
    makeFolder(this.folder, 0o700);
    await this.write(join(this.folder, `${digest}.wasm`), module);
    await this.write(this.pathOf(key), `${digest}\n`);
  }

  private pathOf(key: string): string {
    return join(this.folder, `${createHash("sha256").update(key).digest("hex")}.request`);
  }

  private async write(path: string, content: string | Uint8Array): Promise<void> {
    const temporary = `${path}.${randomBytes(6).toString("hex")}`;
    await writeFile(temporary, content, { mode: 0o600 });
    await rename(temporary, path);
  }
}
