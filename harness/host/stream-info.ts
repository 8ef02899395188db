import type { PropertyObject } from "./properties.ts";

/** How long filter state lives, as `declare_property` numbers it. */
export type LifeSpan = "filter-chain" | "request" | "connection";

/** What `declare_property` said of a property. */
export interface PropertyDeclaration {
  readonly readonly: boolean;
  readonly type: "bytes" | "string" | "flatbuffers" | "protobuf";
  readonly lifeSpan: LifeSpan;
}

/** A value in filter state. */
export interface FilterStateValue {
  value: string;
  readonly readonly: boolean;
}

/** What the client's connection is, for the `source`, `destination` and `connection` properties. All optional but the addresses. */
export interface ConnectionInfo {
  readonly id: number;
  /** `ip:port`. */
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  readonly mtls: boolean;
  readonly tlsVersion?: string;
  readonly requestedServerName?: string;
  /** By the name of the `connection` property: `subject_peer_certificate`, `uri_san_peer_certificate`, ... */
  readonly certificate: Readonly<Record<string, string>>;
}

/** The route that was chosen; what `xds.*` properties read. */
export interface RouteInfo {
  readonly name: string;
  readonly cluster: string;
  readonly metadata: PropertyObject;
  readonly virtualHostName: string;
  readonly virtualHostMetadata: PropertyObject;
}

/** The facts of one request (or TCP connection) that properties and results read: Envoy's `StreamInfo`. */
export class StreamInfo {
  readonly connection: ConnectionInfo;
  /** Wall clock at the start, nanoseconds. */
  readonly startTime: bigint;
  readonly startMonotonic: bigint;
  /** Nanoseconds from start to end; `undefined` until the request is complete. */
  duration: bigint | undefined;
  /** Empty for a TCP connection. */
  protocol = "HTTP/1.1";
  responseCode: number | undefined;
  responseCodeDetails: string | undefined;
  /** Envoy's response flags by short name, such as `NC` or `UT`. */
  readonly responseFlags = new Set<string>();
  route: RouteInfo | undefined;
  cluster: string | undefined;
  clusterMetadata: PropertyObject = {};
  /** Of the host that the router chose; `undefined` until it has. */
  endpointMetadata: PropertyObject | undefined;
  upstreamAddress: string | undefined;
  upstreamLocalAddress: string | undefined;
  attempts = 0;
  bytesReceived = 0;
  bytesSent = 0;
  /** By namespace, as native filters set it (`metadata.filter_metadata.<namespace>`). */
  readonly dynamicMetadata: Record<string, unknown> = {};
  /** By key; filters' own keys begin with `wasm.`. Upstream contexts share the request's. */
  filterState = new Map<string, FilterStateValue>();

  constructor(connection: ConnectionInfo, startTime: bigint, startMonotonic: bigint) {
    this.connection = connection;
    this.startTime = startTime;
    this.startMonotonic = startMonotonic;
  }

  /** The client has gone: over HTTP/2 it has reset the stream, and the connection stays; over HTTP/1.1 it has closed the connection. */
  clientGone(): void {
    const isReset = this.protocol === "HTTP/2";
    this.responseCodeDetails = isReset ? "http2.remote_reset" : "downstream_remote_disconnect";
    this.responseFlags.add(isReset ? "DR" : "DC");
  }
}
