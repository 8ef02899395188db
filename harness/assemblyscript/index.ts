/**
 * Filters in AssemblyScript, compiled by the tests that use them.
 *
 * ```ts
 * // vitest.config.ts
 * import { assemblyScript } from "meshwright/harness/assemblyscript";
 * import { defineConfig } from "vitest/config";
 *
 * export default defineConfig({ plugins: [assemblyScript()], test: { isolate: false } });
 * ```
 */
export { compileFilter, type CompileOptions, expectChanges, isChanging } from "./compile.ts";
export { assemblyScript, type AssemblyScriptOptions } from "./plugin.ts";
