import { Bytes, Text } from "../sdk";

// Names that the filter and the proxy's own configuration agree on.

/** Names the route that was chosen; native routes match on it and remove it. A client's own is taken away. */
export const ROUTE_HEADER = Bytes.of("x-meshwright-route");
/** Names the cluster that was chosen, for a route's `cluster_header`. A client's own is taken away. */
export const CLUSTER_HEADER = Bytes.of("x-meshwright-cluster");

export const PATH = Bytes.of(":path");
export const AUTHORITY = Bytes.of(":authority");
export const LOCATION = Bytes.of("location");

// Envoy's router obeys these and removes them (router_filter, "HTTP headers consumed").
export const TIMEOUT_HEADER = Text.of("x-envoy-upstream-rq-timeout-ms");
export const PER_TRY_TIMEOUT_HEADER = Text.of("x-envoy-upstream-rq-per-try-timeout-ms");
export const RETRY_ON_HEADER = Text.of("x-envoy-retry-on");
export const RETRY_GRPC_ON_HEADER = Text.of("x-envoy-retry-grpc-on");
export const MAX_RETRIES_HEADER = Text.of("x-envoy-max-retries");
export const RETRIABLE_STATUS_CODES_HEADER = Text.of("x-envoy-retriable-status-codes");
