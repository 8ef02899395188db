import type { HeaderList } from "./exchange.ts";

/**
 * What every target does alike where a request or a chain says nothing: the fields of Envoy's HttpConnectionManager that a filter could notice,
 * and the client's defaults. The Envoy targets configure Envoy with them, the in-process host mirrors their effect.
 */

/** Fields of `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`, with Envoy's names. */
export const CONNECTION_MANAGER = {
  stat_prefix: "ingress",
  codec_type: "AUTO",
  /** The peer's address is the client's: `x-forwarded-for` gets it appended, `x-forwarded-proto` follows the connection. */
  use_remote_address: true,
  /** A random `x-request-id` would differ from run to run. */
  generate_request_id: false,
  normalize_path: true,
  merge_slashes: false,
  /** Ends what a filter forgot to resume: Envoy's default of 5 minutes would outlast a test. */
  stream_idle_timeout: "30s",
  max_request_headers_kb: 60,
} as const;

/** Envoy's node where a chain says nothing of it: one that has both is told its listeners from outside. */
export const DEFAULT_NODE = { id: "meshwright", cluster: "meshwright" } as const;

/** Envoy's default `timeout` of a route, in seconds; reaches the upstream as `x-envoy-expected-rq-timeout-ms`. */
export const ROUTE_TIMEOUT = 15;

/** The one virtual host of a chain. */
export const VIRTUAL_HOST = "default";

/** Where a chain names no routes: one with this name, to this cluster. */
export const DEFAULT_ROUTE = "default";
export const DEFAULT_CLUSTER = "upstream";

export const DEFAULT_METHOD = "GET";
export const DEFAULT_SCHEME = "http";
export const DEFAULT_AUTHORITY = "localhost";

/**
 * `source.address` where a request names none. From TEST-NET-1 (RFC 5737), because Envoy replaces a loopback address in `x-forwarded-for` by
 * an address of the machine.
 */
export const DEFAULT_SOURCE = "192.0.2.1:50000";
/** The two parts of `destination.address`, each where a request does not name it. */
export const DEFAULT_DESTINATION = { address: "127.0.0.1", port: 10_000 } as const;
/** The URI name in the certificate of the listener, for those who come over TLS. */
export const SERVER_PRINCIPAL = "spiffe://cluster.local/ns/default/sa/default";

/** Filters log at this level and above. */
export const LOG_LEVEL = "debug";

/** What a client of the protocol `grpc` sends where the request does not say otherwise; the method is POST. */
export const GRPC_REQUEST_HEADERS: HeaderList = [
  ["content-type", "application/grpc"],
  ["te", "trailers"],
];
export const GRPC_RESPONSE_HEADERS: HeaderList = [["content-type", "application/grpc"]];
/** What a scripted gRPC answer ends with where it names no trailers. */
export const GRPC_TRAILERS: HeaderList = [["grpc-status", "0"]];

/**
 * Seconds from which on the time between the first filter and the router counts as a delay by filters. Below it stands what a busy
 * machine adds; no filter waits for less than its tick.
 */
export const SHORTEST_DELAY = 0.02;
