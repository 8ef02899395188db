import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What makes `node_modules` unfit for the lock file, for a person; undefined where it fits. npm writes `node_modules/.package-lock.json` at the end of
 * every install, so an interrupted one is noticed too.
 *
 * @param {string} repository path
 * @returns {string | undefined}
 */
export function stalePackages(repository) {
  const installed = readPackages(join(repository, "node_modules/.package-lock.json"));
  if (installed === undefined) return "they are not installed";
  const wanted = readPackages(join(repository, "package-lock.json"));
  if (wanted === undefined) throw new Error("package-lock.json is missing or damaged: restore it from version control");
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === "" || installed[path]?.version === version) continue;
    // Packages for other platforms are in the lock file only.
    if (optional === true && installed[path] === undefined) continue;
    return `${path.replace(/^.*node_modules\//, "")} is ${installed[path]?.version ?? "missing"} instead of ${version}`;
  }
  // The binary of Node is put there by an install script, which may have been forbidden or cut off.
  return existsSync(join(repository, "node_modules/node/bin/node")) ? undefined : "the binary of the package node is missing";
}

/**
 * @param {string} path of a lock file
 * @returns {Record<string, { version?: string, optional?: boolean }> | undefined}
 */
function readPackages(path) {
  try {
    const lock = /** @type {{ packages?: Record<string, { version?: string, optional?: boolean }> }} */ (
      JSON.parse(readFileSync(path, "utf8"))
    );
    return lock.packages;
  } catch {
    return undefined;
  }
}
