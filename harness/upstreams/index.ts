/** Scripted servers for what stands behind a proxy: HTTP/1.1, HTTP/2, gRPC and WebSocket on one port, with a record of every request. */
export { dealtWith, sendPieces } from "./pieces.ts";
export { startUpstream } from "./start.ts";
export type { RecordedRequest, Script, Upstream, UpstreamAnswer, UpstreamOptions } from "./upstream.ts";
export { bytesOf, fromWire, headerOf, messagesOf, toWire } from "./wire.ts";
