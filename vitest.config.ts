import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const EVERYWHERE = ["**/node_modules/**", "**/dist/**", ".cache/**"];
/** What starts an Envoy, a container or a compiler that takes long. */
const SLOW = ["**/*.scenarios.ts", "{test,cli,harness/scenario}/**/*.test.ts", "harness/envoy/{*,!(release)/**/*}.test.ts"];

/** `unit` is what `npm run check` runs; both together are `npm test`. */
export default defineConfig({
  test: {
    reporters: ["./scripts/reporter/target-reporter.ts"],
    maxWorkers: Math.max(2, availableParallelism()),
    projects: [
      { extends: true, test: { name: "unit", include: ["**/*.test.ts"], exclude: [...EVERYWHERE, ...SLOW], testTimeout: 20_000 } },
      {
        extends: true,
        test: {
          name: "integration",
          include: SLOW,
          exclude: EVERYWHERE,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
