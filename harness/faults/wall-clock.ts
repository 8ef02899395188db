import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FaultFolder, preloadLibrary, preloadUnavailable } from "./preload.ts";

/**
 * A wall clock that is wrong, for processes that are started with its environment. Their monotonic clock, with which time-outs are measured, is the machine's.
 *
 * ```ts
 * await using clock = await WallClock.start();
 * const server = spawn("node", ["server.js"], { env: { ...process.env, ...clock.environment } });
 * await clock.step(-3600);
 * ```
 *
 * It works on programs that are linked with the C library dynamically, as Envoy and Node are.
 */
export class WallClock implements AsyncDisposable {
  /** Variables for the processes. Those of a {@link FullDisk} go with them. */
  readonly environment: Readonly<Record<string, string>>;
  private readonly folder: FaultFolder;

  private constructor(folder: FaultFolder, library: string) {
    this.folder = folder;
    this.environment = { LD_PRELOAD: library, WALL_CLOCK_OFFSET: join(folder.path, "offset") };
  }

  /** Why this machine cannot; `undefined` where it can. */
  static unavailable(): Promise<string | undefined> {
    return preloadUnavailable();
  }

  /** @throws FaultError `unavailable`, with what is missing */
  static async start(): Promise<WallClock> {
    const library = await preloadLibrary();
    const clock = new WallClock(await FaultFolder.make(), library);
    await writeFile(join(clock.folder.path, "offset"), Buffer.alloc(8));
    return clock;
  }

  /** Puts the wall clock as many seconds off, at once, in every process that has it. */
  async step(seconds: number): Promise<void> {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(Math.round(seconds)));
    // In place: the processes have mapped it.
    await writeFile(join(this.folder.path, "offset"), bytes, { flag: "r+" });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.folder[Symbol.asyncDispose]();
  }
}
