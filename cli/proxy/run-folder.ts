import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnnouncedModule } from "../../control/bootstrap/index.ts";
import type { Identity } from "../../control/proxy/index.ts";
import type { ModuleFile } from "./modules.ts";

/** What one Envoy reads, in a folder of the user that it runs as; disposing removes it. */
export class RunFolder implements AsyncDisposable {
  readonly path: string;
  private readonly identity: Identity | undefined;

  private constructor(path: string, identity: Identity | undefined) {
    this.path = path;
    this.identity = identity;
  }

  static async create(identity?: Identity): Promise<RunFolder> {
    const folder = new RunFolder(await mkdtemp(join(tmpdir(), "meshwright-proxy-")), identity);
    try {
      await folder.give(folder.path);
      return folder;
    } catch (error) {
      // Nobody else knows of it yet.
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Copies modules, so that what stands at a path stays what was announced when the package is built again. */
  async addModules(modules: Readonly<Record<string, ModuleFile>>): Promise<Readonly<Record<string, AnnouncedModule>>> {
    const added: Record<string, AnnouncedModule> = {};
    await mkdir(join(this.path, "modules"));
    await this.give(join(this.path, "modules"));
    for (const [name, { sha256, bytes }] of Object.entries(modules)) {
      const path = join("modules", `${name}.wasm`);
      await this.write(path, bytes);
      added[name] = { path: join(this.path, path), sha256 };
    }
    return added;
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.path, name);
    await writeFile(path, content, { mode: 0o600 });
    await this.give(path);
  }

  /** Gives what was made in the folder to Envoy's user. */
  async share(name: string): Promise<void> {
    await this.give(join(this.path, name));
  }

  /** A path of `binary` under which Envoy's user may run it: itself, or where that stands behind a closed folder (root's cache), a copy. */
  async reachable(binary: string): Promise<string> {
    if (this.identity === undefined || (await mayRun(binary, this.identity))) return binary;
    const copy = join(this.path, "envoy");
    await copyFile(binary, copy);
    await chmod(copy, 0o500);
    await this.give(copy);
    return copy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  private async give(path: string): Promise<void> {
    if (this.identity !== undefined) await chown(path, this.identity.user, this.identity.group);
  }
}

async function mayRun(binary: string, { user, group }: Identity): Promise<boolean> {
  const child = spawn("sh", ["-c", 'test -x "$0"', binary], { uid: user, gid: group, stdio: "ignore" });
  const [code] = (await once(child, "close")) as [number | null];
  return code === 0;
}
