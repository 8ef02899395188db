/**
 * Real Envoys for tests and commands: as a process of this machine or in a container, with typed configuration and admin access.
 *
 * ```ts
 * await using envoy = await binaryProvider.start({ static_resources: { listeners } });
 * await fetch(`http://127.0.0.1:${envoy.address("main").port}/`);
 * ```
 */
export { Admin, type ClusterStatus, type HostStatus, type ServerInfo, type Stats } from "./admin.ts";
export { binaryProvider, envoyBinary } from "./binary.ts";
export * from "./bootstrap/index.ts";
export { containerProvider } from "./container/provider.ts";
export { EnvoyError, type EnvoyErrorCode } from "./errors.ts";
export { EnvoyLog, type AccessEntry, type LogEntry } from "./log.ts";
export type { EnvoyOptions, EnvoyProvider, StartedEnvoy } from "./provider.ts";
export { containerTarget, envoyTarget, reusedEnvoyTarget, targetOf } from "./target.ts";
export { validateConfig } from "./validate.ts";
