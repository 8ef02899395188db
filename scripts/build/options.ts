import { fileURLToPath } from "node:url";

/** How asc compiles a filter of this repository; to be run in its root. */
export const FILTER_OPTIONS: readonly string[] = [
  "--config",
  "asconfig.json",
  "--transform",
  fileURLToPath(new URL("literals.ts", import.meta.url)),
];
