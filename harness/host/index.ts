/**
 * An in-process proxy-wasm host that does what stock Envoy does, for unit tests of filters in milliseconds.
 *
 * ```ts
 * const host = new Host({ logLevel: "debug" });
 * const plugin = host.load({ name: "routing", module: "dist/filters/routing.wasm", configuration: { rules: [] } });
 * const stream = host.chain([plugin]).request({ path: "/" });
 * stream.respond({ status: 200 });
 * expect(stream.response?.status).toBe(200);
 * ```
 */
export { hostcallNames } from "./abi/index.ts";
export { HeadersStatus, DataStatus, Status } from "./abi/enums.ts";
export { CALLBACK_NAMES, type CallbackName } from "./callbacks.ts";
export type { HttpCallout } from "./http-callout.ts";
export type { GrpcCallout } from "./grpc-callout.ts";
export { ManualClock, RealClock, type Clock, type Timer } from "./clock.ts";
export type { Cluster, GrpcAnswer, GrpcHandler, HttpHandler } from "./clusters.ts";
export { HostError, type HostErrorCode } from "./errors.ts";
export { FilterChain, type ChainOptions } from "./filter-chain.ts";
export { HeaderMap } from "./header-map.ts";
export { Host, type HostOptions, type Worker } from "./host.ts";
export { HttpStream, type RequestOptions, type ResponseOptions, type StreamOptions, type StreamState } from "./http-stream.ts";
export { LOG_LEVELS, type HostLogLine, type LogLevel } from "./logs.ts";
export { inspectModule, loadModule, type AbiVersion, type ModuleInspection, type WasmModule } from "./module.ts";
export type { FailurePolicy, PluginConfig } from "./plugin.ts";
export type { PluginHandle } from "./plugin-handle.ts";
export type { PropertyObject, PropertyValue } from "./properties.ts";
export { SeededRandom, SystemRandom, type Random } from "./random.ts";
export type { ConnectionInfo, StreamInfo } from "./stream-info.ts";
export type { TcpStream } from "./tcp-stream.ts";
export { inProcessTarget } from "./target/index.ts";
export type { HostObserver } from "./observer.ts";
export { TraceRecorder, type TracedCallback, type TracedHostcall } from "./trace/recorder.ts";
export { isolatedTarget, startTraced, type IsolationOptions, type TracedTarget } from "./worker/index.ts";
