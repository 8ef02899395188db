import type { XdsError } from "./error.ts";
import type { ProxyGroup } from "./group.ts";
import type { Variant } from "./request.ts";
import type { Sink } from "./sink.ts";

/** What a client says of itself when it connects. */
export interface ConnectRequest {
  /** `envoy.config.core.v3.Node`, encoded as it came. */
  readonly node: Buffer;
  readonly peer: string;
  readonly variant: Variant;
  /** Of the first request. */
  readonly typeUrl: string;
  /** What the transport knows of the client, for instance its certificate. */
  readonly credentials: unknown;
}

/** Who a client has proved to be; shown with its status. */
export interface ClientIdentity {
  /** For instance a SPIFFE id. */
  readonly name: string;
  /** When the proof ends, milliseconds since 1970. */
  readonly notAfter: number;
}

/** Who a client is, and what it gets. */
export interface ProxyConnection {
  /** Under which its status is shown. */
  readonly id: string;
  readonly group: ProxyGroup;
  /** Default: it has proved nothing. */
  readonly identity?: ClientIdentity;
  /** Asked every second: what it gives ends the stream. Default: a client that was let in may stay. */
  readonly refusal?: () => XdsError | undefined;
}

/** What a client says by a request of a type of {@link ResourceTypeRules.reports}. */
export interface Report {
  readonly stream: number;
  readonly proxy: string;
  readonly typeUrl: string;
  /** The error of the request, at most 8 KiB; undefined where it has none. */
  readonly problem: string | undefined;
}

/** The call that a stream lives in. */
export interface Call {
  readonly number: number;
  readonly variant: Variant;
  /** The type of a service that serves one only. */
  readonly service: string | undefined;
  readonly peer: string;
  readonly credentials: unknown;
  readonly sink: Sink;
}
