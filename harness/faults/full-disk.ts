import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FaultFolder, preloadLibrary, preloadUnavailable } from "./preload.ts";

/**
 * A folder whose disk can be full (ENOSPC) for processes that are started with its environment. No privileges are needed: it is what those processes are told when they write, and others
 * write as before.
 *
 * ```ts
 * await using disk = await FullDisk.start();
 * const server = spawn("node", ["server.js", disk.folder], { env: { ...process.env, ...disk.environment } });
 * await disk.fill();
 * ```
 *
 * Names can still be made, renamed and removed, as on a disk that has inodes left: a new file stays empty.
 */
export class FullDisk implements AsyncDisposable {
  /** Where the processes write. */
  readonly folder: string;
  /** Variables for the processes. Those of a {@link WallClock} go with them. */
  readonly environment: Readonly<Record<string, string>>;
  private readonly owned: FaultFolder;

  private constructor(owned: FaultFolder, library: string) {
    this.owned = owned;
    this.folder = join(owned.path, "disk");
    this.environment = { LD_PRELOAD: library, FULL_DISK: join(owned.path, "full"), FULL_DISK_FOLDER: this.folder };
  }

  /** Why this machine cannot; `undefined` where it can. */
  static unavailable(): Promise<string | undefined> {
    return preloadUnavailable();
  }

  /** @throws FaultError `unavailable`, with what is missing */
  static async start(): Promise<FullDisk> {
    const library = await preloadLibrary();
    const disk = new FullDisk(await FaultFolder.make(), library);
    await mkdir(disk.folder);
    await writeFile(join(disk.owned.path, "full"), Buffer.alloc(8));
    return disk;
  }

  /** From now on nothing can be written. */
  fill(): Promise<void> {
    return this.set(1);
  }

  /** There is room again. */
  free(): Promise<void> {
    return this.set(0);
  }

  private async set(full: number): Promise<void> {
    await writeFile(join(this.owned.path, "full"), Buffer.from([full]), { flag: "r+" });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.owned[Symbol.asyncDispose]();
  }
}
