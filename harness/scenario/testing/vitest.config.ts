import { defineConfig } from "vitest/config";

/** For scenarios that must fail: run by ../scenario.test.ts, never with the others. */
export default defineConfig({ test: { include: ["failing.ts"], root: import.meta.dirname, reporters: ["json"] } });
