/** The metrics, as numbers: the order of the ids in a series. */
export const enum Metric {
  Requests = 0,
  Duration = 1,
  RequestBytes = 2,
  ResponseBytes = 3,
  RequestMessages = 4,
  ResponseMessages = 5,
}

export const METRIC_COUNT: i32 = 6;

/** Names in Prometheus, by {@link Metric}. */
export const METRIC_NAMES: string[] = [
  "istio_requests_total",
  "istio_request_duration_milliseconds",
  "istio_request_bytes",
  "istio_response_bytes",
  "istio_request_messages_total",
  "istio_response_messages_total",
];

/** Names in Istio's Telemetry, by {@link Metric}. */
export const ISTIO_METRICS: string[] = [
  "REQUEST_COUNT",
  "REQUEST_DURATION",
  "REQUEST_SIZE",
  "RESPONSE_SIZE",
  "GRPC_REQUEST_MESSAGES",
  "GRPC_RESPONSE_MESSAGES",
];

/** Those of Istio's that count TCP connections, which an HTTP filter does not see. */
export const TCP_METRICS: string[] = ["TCP_OPENED_CONNECTIONS", "TCP_CLOSED_CONNECTIONS", "TCP_SENT_BYTES", "TCP_RECEIVED_BYTES"];

// @ts-ignore: decorator
@inline
export function isHistogram(metric: i32): bool {
  return metric == Metric.Duration || metric == Metric.RequestBytes || metric == Metric.ResponseBytes;
}

// @ts-ignore: decorator
@inline
export function countsMessages(metric: i32): bool {
  return metric == Metric.RequestMessages || metric == Metric.ResponseMessages;
}
