// Makes a fresh clone ready, then runs the rest of the command line:
//
//   node scripts/setup.mjs [--no-build] [--no-envoy] [COMMAND [ARGUMENT]...]
//
// Every npm script goes through it. It installs packages, builds what changed and fetches Envoy, each only where that is missing, and then
// starts COMMAND with node_modules/.bin first on the PATH, so that the project's Node runs it whatever the machine's Node is. One process does both: a shell
// would remember the first `node` that it found. Therefore plain JavaScript, without dependencies, for Node 18 and newer.
//
// Exit codes: those of COMMAND; 1 the sources do not build; 2 usage; 3 the environment lacks something (the message says what).

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findEnvoy, provideEnvoy } from "../harness/envoy/release/index.mjs";
import { withLock } from "../harness/envoy/release/lock.mjs";
import { isBuilt } from "./setup/build-inputs.mjs";
import { stalePackages } from "./setup/packages.mjs";
import { createProgress } from "./setup/progress.mjs";
import { run } from "./setup/run.mjs";

const OLDEST_NODE = 18;
const BAD_INPUT = 1;
const USAGE = 2;
const ENVIRONMENT = 3;

const repository = fileURLToPath(new URL("..", import.meta.url));
const progress = createProgress(process.stderr);
const report = {
  onStep: (/** @type {string} */ text) => progress.step(text),
  onProgress: (/** @type {number} */ received, /** @type {number | undefined} */ total) => progress.transfer(received, total),
};

/**
 * @param {NodeJS.ProcessEnv} environment
 * @returns {NodeJS.ProcessEnv}
 */
function withTools(environment) {
  return { ...environment, PATH: `${join(repository, "node_modules/.bin")}:${environment["PATH"] ?? ""}` };
}

/** @param {string} what */
function whenWaiting(what) {
  return (/** @type {string} */ owner) => progress.step(`another set-up (${owner}) ${what}; waiting for it`);
}

async function installPackages() {
  if (stalePackages(repository) === undefined) return;
  await withLock(
    join(repository, ".cache/packages.lock"),
    async () => {
      const reason = stalePackages(repository);
      if (reason === undefined) return;
      progress.step(`installing packages, because ${reason}`);
      const parameters = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
      const code = await run("npm", parameters, { cwd: repository, env: process.env, output: "stderr" });
      const after = code === 0 ? stalePackages(repository) : `npm ${parameters[0]} ended with exit code ${code}`;
      if (after !== undefined)
        throw new Error(`packages could not be installed: ${after}. npm's own message stands above; \`npm ci\` repeats it`);
    },
    whenWaiting("installs packages"),
  );
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<boolean>} whether what there is can be built
 */
async function build(environment) {
  if (isBuilt(repository)) return true;
  return withLock(
    join(repository, ".cache/build.lock"),
    async () => {
      if (isBuilt(repository)) return true;
      progress.step("building what changed");
      const code = await run("node", ["scripts/build.ts"], { cwd: repository, env: environment, output: "stderr" });
      if (code !== 0) progress.fail("the build: its message stands above, and `npm run build` repeats it");
      return code === 0;
    },
    whenWaiting("builds"),
  );
}

/**
 * The path of an Envoy, for `ENVOY_BIN`, so that whatever runs next uses this one.
 *
 * @returns {Promise<string>}
 */
async function envoy() {
  const found = (await findEnvoy(process.env)) ?? (await provideEnvoy(process.env, report));
  return found.path;
}

/** @param {readonly string[]} parameters */
async function main(parameters) {
  const options = new Set();
  let rest = [...parameters];
  for (; rest[0]?.startsWith("--") === true; rest = rest.slice(1)) {
    if (rest[0] !== "--no-build" && rest[0] !== "--no-envoy") {
      progress.fail(`unknown option ${rest[0]}. Usage: node scripts/setup.mjs [--no-build] [--no-envoy] [COMMAND [ARGUMENT]...]`);
      return USAGE;
    }
    options.add(rest[0]);
  }

  let environment = withTools(process.env);
  try {
    if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE)
      throw new Error(`Node ${OLDEST_NODE} or newer is needed; this is ${process.version}`);
    await installPackages();
    if (!options.has("--no-build") && !(await build(environment))) return BAD_INPUT;
    if (!options.has("--no-envoy") && environment["MESHWRIGHT_NO_ENVOY"] !== "1")
      environment = { ...environment, ENVOY_BIN: await envoy() };
  } catch (error) {
    progress.fail(error instanceof Error ? error.message : String(error));
    return ENVIRONMENT;
  }
  const [command, ...commandParameters] = rest;
  if (command === undefined) return 0;
  try {
    return await run(command, commandParameters, { env: environment });
  } catch (error) {
    progress.fail(`${command} cannot be started: ${error instanceof Error ? error.message : String(error)}`);
    return ENVIRONMENT;
  }
}

process.exitCode = await main(process.argv.slice(2));
