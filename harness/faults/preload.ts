import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { FaultError } from "./fault-error.ts";
import { SOURCE } from "./preload-source.ts";

/** How their names begin. */
const FAULT_FOLDER = join(tmpdir(), "meshwright-fault-");
const COMPILERS = [["clang", "-fuse-ld=lld"], ["cc"], ["gcc"]] as const;

/** A folder that goes away with this process, however it ends. */
export class FaultFolder implements AsyncDisposable {
  readonly path: string;
  private readonly release: () => void;

  private constructor(path: string, release: () => void) {
    this.path = path;
    this.release = release;
  }

  /** @param cleanup what a shell does first; the folder is `$0` */
  static async make(cleanup = ":"): Promise<FaultFolder> {
    const path = await mkdtemp(FAULT_FOLDER);
    // It ignores signals, which a terminal or a supervisor sends to the whole group, and ends when its input does.
    const guard = spawn("sh", ["-c", `trap "" TERM HUP INT; cat >/dev/null; ${cleanup}; rm -rf "$0"`, path], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    guard.unref();
    guard.on("error", () => undefined);
    guard.stdin.on("error", () => undefined);
    // The pipe alone keeps no process alive.
    (guard.stdin as unknown as { unref(): void }).unref();
    return new FaultFolder(path, () => guard.stdin.destroy());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    this.release();
  }
}

/** The folders that an environment leads to: its processes have to reach them at their paths. */
export function faultFolders(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const paths = Object.values(environment).filter((value) => value?.startsWith(FAULT_FOLDER) === true);
  return [...new Set(paths.map((path) => join(tmpdir(), relative(tmpdir(), String(path)).split(sep)[0] ?? "")))];
}

/** Why this machine can preload nothing; `undefined` where it can. */
export async function preloadUnavailable(): Promise<string | undefined> {
  if (process.platform !== "linux") return `LD_PRELOAD is Linux's, and this is ${process.platform}`;
  return (await compiler()) === undefined ? "it has no C compiler (install clang and lld, or gcc)" : undefined;
}

let library: Promise<string> | undefined;

/**
 * The shared object that is preloaded into processes that shall suffer; made once for this process.
 *
 * @throws FaultError `unavailable`
 */
export function preloadLibrary(): Promise<string> {
  library ??= compile().catch((error: unknown) => {
    library = undefined;
    throw error;
  });
  return library;
}

async function compile(): Promise<string> {
  const missing = await preloadUnavailable();
  if (missing !== undefined) throw new FaultError("unavailable", `this machine cannot change what processes see: ${missing}`);
  const [command = "cc", ...options] = (await compiler()) ?? [];
  const folder = await FaultFolder.make();
  const [source, object] = [join(folder.path, "preload.c"), join(folder.path, "preload.so")];
  await writeFile(source, SOURCE);
  try {
    await promisify(execFile)(command, [...options, "-shared", "-fPIC", "-nostdlib", "-fno-builtin", "-O1", "-o", object, source]);
  } catch (error) {
    throw new FaultError(
      "unavailable",
      `${command} cannot make a shared object: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  return object;
}

async function compiler(): Promise<readonly string[] | undefined> {
  for (const candidate of COMPILERS) {
    const works = await promisify(execFile)(candidate[0], ["--version"]).then(
      () => true,
      () => false,
    );
    if (works) return candidate;
  }
  return undefined;
}
