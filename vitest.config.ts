import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{filters,harness,cli,scripts,test}/**/*.test.ts", "filters/**/*.scenarios.ts"],
    exclude: ["**/node_modules/**", "dist/**", ".cache/**"],
  },
});
