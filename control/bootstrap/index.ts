/**
 * The configuration that an Envoy of the mesh starts with: who it is, where the control service is, and what it serves by itself. All else comes over xDS.
 *
 * ```ts
 * const made = bootstrapOf({ nodeId: "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local", control: { host: "127.0.0.1", port: 15010 } });
 * if ("bootstrap" in made) await writeFile("envoy.json", JSON.stringify(made.bootstrap));
 * ```
 */
export { formatAddress, type ListenAddress, readAddress } from "./address.ts";
export { type BootstrapRequest, bootstrapOf, DEFAULT_ADMIN, type Locality, type MadeBootstrap, type OwnAddresses } from "./bootstrap.ts";
export type { ControlTls, ProxySecrets } from "./clusters.ts";
export { checkControlName } from "./control-name.ts";
export type { Json } from "./json.ts";
export { PROMETHEUS_PORT, STATUS_PORT } from "./listeners.ts";
export type { AnnouncedModule, NodeDescription } from "./metadata.ts";
export { MAX_CONNECTIONS } from "./overload.ts";
export { mergeProxyConfigs, type ProxyConfig, proxyConfigOf } from "./proxy-config.ts";
export type { StatsSelection } from "./stats.ts";
