/**
 * The xDS protocol, both variants, without I/O and without knowledge of a resource type.
 *
 * ```ts
 * const server = new XdsServer({ types, onConnect: ({ node }) => ({ id, group }) });
 * const group = server.group(snapshot);                       // one for every configuration that differs
 * group.push(next, [{ typeUrl, names: ["reviews:9080"] }]);   // costs what it names
 * server.status();                                            // who has accepted what
 * ```
 *
 * A transport (`control/xds/transport/`) calls {@link XdsServer.open} for every call, hands it the messages and takes its responses.
 */
export type { Call, ClientIdentity, ConnectRequest, ProxyConnection, Report } from "./call.ts";
export { SYSTEM_CLOCK, type Clock } from "./clock.ts";
export { XdsError, type XdsErrorCode } from "./error.ts";
export type { ProxyGroup } from "./group.ts";
export { DEFAULT_LIMITS, type StreamLimits } from "./limits.ts";
export type { AnswerEvent, Observer, RefusalEvent, SentEvent } from "./observer.ts";
export type { Variant } from "./request.ts";
export { encodeDelta } from "./response.ts";
export type { Change, Resource, ResourceReference, ResourceView, Snapshot } from "./resource.ts";
export type { ResourceTypeRules } from "./rules.ts";
export { XdsServer, type XdsServerOptions } from "./server.ts";
export type { Sink } from "./sink.ts";
export type { StreamStatus, SyncState, TypeStatus } from "./status.ts";
export type { XdsStream } from "./stream.ts";
export type { Refusal } from "./watch.ts";
