import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { envoyBinary } from "../../envoy/binary.ts";
import { faultFolders } from "../../faults/preload.ts";
import { CACHE, MAIN } from "../command-line.ts";
import type { Mount } from "./engine.ts";

/** What of this machine Node, Envoy and programs load; the rest of a container is empty. */
const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix", "/etc/ld.so.cache", "/etc/passwd", "/etc/group"];

/** Where Node keeps what it has compiled. */
export const compileCache = (): string => process.env["NODE_COMPILE_CACHE"] ?? CACHE;

/**
 * A container has the files of this machine, at the same paths, to be read alone: the system's programs and libraries, Node, Envoy, this package and the working directory. Written is to the mesh's folder and Node's cache.
 */
export async function mounts(folder: string): Promise<Mount[]> {
  const main = dirname(dirname(MAIN));
  const [project] = main.split(`${sep}node_modules${sep}`);
  // Dependencies lie beside the package where it is one of others.
  const packages = project === undefined || project === main ? main : join(project, "node_modules");
  const dependencies = join(main, "node_modules");
  const read = [
    ...SYSTEM,
    ...[packages, ...(existsSync(dependencies) ? [realpathSync(dependencies)] : [])],
    ...[realpathSync(process.execPath), process.execPath, (await envoyBinary()).path, process.cwd()],
  ].filter((path) => path !== "/" && existsSync(path));
  const outermost = [...new Set(read)].filter((path, _, all) => !all.some((other) => path.startsWith(`${other}${sep}`)));
  mkdirSync(compileCache(), { recursive: true });
  return [...outermost.map((path) => bind(path, true)), bind(folder, false), bind(compileCache(), false)];
}

/** What a process needs beside that, to see a wrong clock or a full disk. */
export function faultMounts(env: Readonly<Record<string, string | undefined>>): readonly Mount[] {
  return faultFolders(env).map((path) => bind(path, false));
}

function bind(path: string, readOnly: boolean): Mount {
  return { Type: "bind", Source: path, Target: path, ReadOnly: readOnly };
}
