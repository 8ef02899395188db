/**
 * The harness without a test runner: the in-process host, real Envoys, scripted upstreams, and what they have in common.
 *
 * ```ts
 * import { inProcessTarget } from "meshwright/harness";
 *
 * await using running = await inProcessTarget.start({ filters: [{ name: "routing", module, configuration }] });
 * const result = await running.send({ path: "/" });
 * ```
 *
 * Scenarios and matchers for vitest are in `meshwright/harness/vitest`.
 */
export {
  Admin,
  binaryProvider,
  containerProvider,
  containerTarget,
  envoyBinary,
  EnvoyError,
  EnvoyLog,
  envoyTarget,
  targetOf,
  validateConfig,
} from "./envoy/index.ts";
export type { EnvoyErrorCode, EnvoyOptions, EnvoyProvider, StartedEnvoy } from "./envoy/index.ts";
/** Envoy's configuration, whose names are its own: `bootstrap.listener(...)`, `bootstrap.Cluster`. */
export * as bootstrap from "./envoy/bootstrap/index.ts";
export { provideEnvoy, SUPPORTED_VERSIONS } from "./envoy/release/index.mjs";
export * from "./faults/index.ts";
export * from "./host/index.ts";
export { examineModule, type ModuleExamination, type ModuleProblem } from "./inspect/index.ts";
export * from "./load/index.ts";
export { type Expectation, expect } from "./matchers/expect.ts";
export { type Examined, type ExpectedResponse, type Matchers, matchers, type Verdict } from "./matchers/index.ts";
export * from "./mesh/index.ts";
export * from "./target/index.ts";
export * from "./upstreams/index.ts";
export { until, type UntilOptions } from "./until.ts";
