import { Text } from "../sdk";

// Names that the filter and Envoy's own configuration agree on.

/**
 * What `outlier_detection.error_matcher` of the cluster's `HttpProtocolOptions` matches. The route takes it away
 * (`response_headers_to_remove`).
 */
export const MARK_HEADER = Text.of("x-meshwright-ejection");
export const MARK_VALUE = Text.of("out");
/** Takes a host out of a cluster with active health checks, until the next good one (router_filter, "HTTP headers consumed"). */
export const HEALTH_CHECK_HEADER = Text.of("x-envoy-immediate-health-check-fail");
export const HEALTH_CHECK_VALUE = Text.of("true");

export const STATUS = Text.of(":status");
export const GRPC_STATUS = Text.of("grpc-status");
export const CONTENT_TYPE = Text.of("content-type");
export const GRPC_CONTENT_TYPE = Text.of("application/grpc");
