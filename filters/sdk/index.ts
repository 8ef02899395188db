// What a filter is written with. Its entry also exports the callbacks that it uses: `export * from "…/sdk/exports/request-headers"`, …

export { arena, Bytes, copyBytes, Text } from "../lib/bytes";
export {
  BodyAction,
  CloseType,
  HeaderMapType,
  HeadersAction,
  LogLevel,
  NetworkAction,
  Status,
  StreamType,
  TrailersAction,
} from "./abi/enums";
export { register } from "./contexts/registry";
export { Root } from "./contexts/root";
export { Stream } from "./contexts/stream";
export { collectLater } from "./contexts/callbacks";
export { HttpStream } from "./contexts/http-stream";
export { TcpStream } from "./contexts/tcp-stream";
export { HttpCallout, HttpCalloutResponse } from "./callouts/http-callout";
export { GrpcCallout } from "./callouts/grpc-callout";
export { Buffer, downstreamData, requestBody, responseBody, upstreamData } from "./hostcalls/buffer";
export { DecisionResult, logDecision } from "./hostcalls/decision";
export { callForeignFunction } from "./hostcalls/foreign-function";
export { HeaderIterator, HeaderMap, requestHeaders, requestTrailers, responseHeaders, responseTrailers } from "./hostcalls/header-map";
export { HeaderPairs } from "./hostcalls/header-pairs";
export { log, logEnabled, logString } from "./hostcalls/log";
export { defineCounter, defineHistogram, incrementCounter, recordHistogram } from "./hostcalls/metric-ids";
export { Counter, Gauge, Histogram } from "./hostcalls/metrics";
export { Property, readProperty, setFilterState } from "./hostcalls/property";
export { randomBelow, randomSeed } from "./hostcalls/random";
export { getSharedData, setSharedData, SharedValue } from "./hostcalls/shared-data";
export { SharedQueue } from "./hostcalls/shared-queue";
export { statusMessage } from "./hostcalls/status";
export { currentTime, monotonicTime } from "./hostcalls/time";
export { PEER_PRINCIPAL, SOURCE_ADDRESS } from "./request/connection";
export { RequestView } from "./request/request-view";
export { setVerifiedClaims, verifiedClaims } from "./request/verified-claims";
