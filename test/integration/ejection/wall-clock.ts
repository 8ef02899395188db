import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** An Envoy that starts while this lives has a wall clock that the test can step; its monotonic clock is the machine's. */
export class WallClock implements AsyncDisposable {
  private readonly folder: string;
  private readonly before: string | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.before = process.env["LD_PRELOAD"];
    process.env["LD_PRELOAD"] = join(folder, "wall-clock.so");
    process.env["WALL_CLOCK_OFFSET"] = join(folder, "offset");
  }

  /** Why this machine cannot; `undefined` where it can. */
  static async unavailable(): Promise<string | undefined> {
    return (await compiler()) === undefined ? "it has no C compiler (Debian: clang, lld)" : undefined;
  }

  static async start(): Promise<WallClock> {
    const folder = await mkdtemp(join(tmpdir(), "meshwright-clock-"));
    const [command = "cc", ...options] = (await compiler()) ?? [];
    const source = join(import.meta.dirname, "wall-clock.c");
    await promisify(execFile)(command, [...options, "-shared", "-fPIC", "-nostdlib", "-O1", "-o", join(folder, "wall-clock.so"), source]);
    const clock = new WallClock(folder);
    await clock.step(0);
    return clock;
  }

  /** Puts the wall clock as many seconds off. */
  async step(seconds: number): Promise<void> {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(seconds));
    await writeFile(join(this.folder, "offset"), bytes, { flag: "r+" }).catch(() => writeFile(join(this.folder, "offset"), bytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.before === undefined) delete process.env["LD_PRELOAD"];
    else process.env["LD_PRELOAD"] = this.before;
    delete process.env["WALL_CLOCK_OFFSET"];
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A compiler and what it needs to link a shared object. */
async function compiler(): Promise<readonly string[] | undefined> {
  for (const candidate of [["clang", "-fuse-ld=lld"], ["cc"]]) {
    const works = await promisify(execFile)(candidate[0] ?? "", ["--version"]).then(
      () => true,
      () => false,
    );
    if (works) return candidate;
  }
  return undefined;
}
