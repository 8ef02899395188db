import { fileURLToPath } from "node:url";

/** How asc compiles a filter of this repository; to be run in its root. */
export const FILTER_OPTIONS: readonly string[] = [
  "--config",
  "asconfig.json",
  "--transform",
  fileURLToPath(new URL("literals.ts", import.meta.url)),
  // What gives up traps without a message: file names, places and the code that writes them would be 2 to 4 per cent of a module.
  "--use",
  "abort=",
];

/** For whoever works on a filter: the log says what gave up, and where. Behind {@link FILTER_OPTIONS}. */
export const WITH_MESSAGES: readonly string[] = ["--use", "abort=filters/sdk/abi/abort/abort"];
