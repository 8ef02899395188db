import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { assemblyScript } from "./harness/assemblyscript/index.ts";

const EVERYWHERE = ["**/node_modules/**", "**/dist/**", ".cache/**"];
const SCENARIOS = ["**/*.scenarios.ts"];
/** What else starts an Envoy, a container or a compiler that takes long. */
const SLOW = [
  "{cli,harness/scenario,test/!(conformance),test/conformance/!(fields)}/**/*.test.ts",
  "harness/envoy/{*,!(release)/**/*}.test.ts",
];

/** A hook may have to wait for a compiler on a machine that has more to do. */
const COMPILATION = 180_000;

/** A soak (scripts/soak.ts) runs every property for this long. */
const FUZZ_SECONDS = Number(process.env["MESHWRIGHT_FUZZ_SECONDS"] ?? 0);
const FAST_CHECK = FUZZ_SECONDS > 0 ? "scripts/soak/fast-check.ts" : "test/fast-check.ts";

// Tests start the command line hundreds of times: what Node made of its files once, types stripped and compiled, is kept for the next start
// (https://nodejs.org/api/module.html#module-compile-cache). It is found by content; removing the folder costs time, no more.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL(".cache/node", import.meta.url));

/** `unit` is what `npm run check` runs; all together are `npm test`. */
export default defineConfig({
  plugins: [assemblyScript({ folders: ["filters/!(lib|testing)", "filters/lib/*"] })],
  resolve: { alias: [{ find: /^fast-check$/, replacement: fileURLToPath(new URL(FAST_CHECK, import.meta.url)) }] },
  test: {
    setupFiles: ["./test/environment.ts"],
    reporters: ["./scripts/reporter/target-reporter.ts"],
    maxWorkers: Math.max(2, availableParallelism()),
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: [...EVERYWHERE, ...SCENARIOS, ...SLOW],
          testTimeout: 60_000 + 10_000 * FUZZ_SECONDS,
          hookTimeout: COMPILATION,
        },
      },
      {
        extends: true,
        test: {
          name: "scenarios",
          include: SCENARIOS,
          exclude: EVERYWHERE,
          // They change nothing but what they start themselves: files share what V8 has compiled, and Envoys.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: COMPILATION,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: SLOW,
          exclude: EVERYWHERE,
          testTimeout: 60_000,
          hookTimeout: COMPILATION,
        },
      },
    ],
  },
});
