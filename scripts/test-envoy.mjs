// Runs the tests on another supported version of Envoy, or on each in turn:
//
//   npm run test:envoy -- 1.38|all [VITEST ARGUMENT]...
//
// Plain JavaScript for Node 18 and newer, because it chooses what the set-up script fetches.

import { fileURLToPath } from "node:url";
import { minorVersion, SUPPORTED_VERSIONS } from "../harness/envoy/release/index.mjs";
import { run } from "./setup/run.mjs";

const USAGE = 2;
const setup = fileURLToPath(new URL("setup.mjs", import.meta.url));

/** @param {readonly string[]} parameters */
async function main([wanted = "", ...rest]) {
  const versions = wanted === "all" ? SUPPORTED_VERSIONS : [minorVersion(wanted)];
  let worst = 0;
  for (const version of versions) {
    if (version === undefined) {
      console.error(
        `test:envoy: ${JSON.stringify(wanted)} is no supported version. Usage: npm run test:envoy -- ${SUPPORTED_VERSIONS.join("|")}|all`,
      );
      return USAGE;
    }
    console.error(`test:envoy: Envoy ${version}`);
    // An ENVOY_BIN for another version would win over the choice made here.
    const { ENVOY_BIN: _, ...environment } = process.env;
    const code = await run(process.execPath, [setup, "vitest", "run", ...rest], {
      env: { ...environment, MESHWRIGHT_ENVOY_VERSION: version },
    });
    worst = Math.max(worst, code);
  }
  return worst;
}

process.exitCode = await main(process.argv.slice(2));
