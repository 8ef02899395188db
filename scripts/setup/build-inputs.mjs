import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Folders and files that end up in `dist/`, one way or another. */
const INPUTS = [
  "cli",
  "control",
  "filters",
  "harness",
  "scripts/build",
  "scripts/build.ts",
  "test/bench",
  "asconfig.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
];
const SOURCE = /(?<!\.(?:test|scenarios|vectors))\.(?:ts|mjs|json)$/;

/** Where the build leaves the digest of what it was made from. */
export const STAMP = "dist/.inputs";

/**
 * The digest of everything that a build reads: names and contents.
 *
 * @param {string} repository path
 * @returns {string}
 */
export function buildInputs(repository) {
  const hash = createHash("sha256");
  for (const input of INPUTS) add(hash, repository, input);
  return hash.digest("hex");
}

/**
 * @param {import("node:crypto").Hash} hash
 * @param {string} repository
 * @param {string} path relative
 */
function add(hash, repository, path) {
  let entries;
  try {
    entries = readdirSync(join(repository, path), { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR")
      hash.update(`${path}\0`).update(readFileSync(join(repository, path)));
    else if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.isDirectory()) add(hash, repository, `${path}/${entry.name}`);
    else if (SOURCE.test(entry.name)) hash.update(`${path}/${entry.name}\0`).update(readFileSync(join(repository, path, entry.name)));
  }
}

/**
 * @param {string} repository path
 * @returns {boolean} whether `dist/` was made from what is there now
 */
export function isBuilt(repository) {
  try {
    return readFileSync(join(repository, STAMP), "utf8") === buildInputs(repository);
  } catch {
    return false;
  }
}
