// What the words of each hostcall are, so that a trace can show them by name. After the specification of the ABI
// (https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1) and the SDKs' declarations.

/**
 * One argument. `text`, `bytes`, `pairs` and `path` are two words, pointer and size, that go into the host; those that begin with `out` are places for what
 * comes back: `outText`, `outBytes` and `outPairs` two (pointer, size), `outInt` and `outLong` one.
 */
export type Kind =
  | "int"
  | "long"
  | "level"
  | "map"
  | "buffer"
  | "stream"
  | "metric"
  | "text"
  | "bytes"
  | "pairs"
  | "path"
  | "outInt"
  | "outLong"
  | "outText"
  | "outBytes"
  | "outPairs";

export type Shape = ReadonlyArray<readonly [name: string, kind: Kind]>;

const GRPC_CALL: Shape = [
  ["grpcService", "bytes"],
  ["service", "text"],
  ["method", "text"],
  ["initialMetadata", "pairs"],
];
const HEADER: Shape = [
  ["map", "map"],
  ["name", "text"],
];

/** By name; functions of WASI are shown by their words. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  proxy_log: [
    ["level", "level"],
    ["message", "text"],
  ],
  proxy_get_log_level: [["level", "outInt"]],
  proxy_get_status: [
    ["code", "outInt"],
    ["message", "outText"],
  ],
  proxy_get_property: [
    ["path", "path"],
    ["value", "outText"],
  ],
  proxy_set_property: [
    ["path", "path"],
    ["value", "text"],
  ],
  proxy_get_configuration: [["configuration", "outText"]],
  proxy_continue_stream: [["stream", "stream"]],
  proxy_close_stream: [["stream", "stream"]],
  proxy_continue_request: [],
  proxy_continue_response: [],
  proxy_clear_route_cache: [],
  proxy_send_local_response: [
    ["status", "int"],
    ["details", "text"],
    ["body", "text"],
    ["headers", "pairs"],
    ["grpcStatus", "int"],
  ],
  proxy_set_effective_context: [["context", "int"]],
  proxy_done: [],
  proxy_get_header_map_value: [...HEADER, ["value", "outText"]],
  proxy_add_header_map_value: [...HEADER, ["value", "text"]],
  proxy_replace_header_map_value: [...HEADER, ["value", "text"]],
  proxy_remove_header_map_value: HEADER,
  proxy_get_header_map_pairs: [
    ["map", "map"],
    ["pairs", "outPairs"],
  ],
  proxy_set_header_map_pairs: [
    ["map", "map"],
    ["pairs", "pairs"],
  ],
  proxy_get_header_map_size: [
    ["map", "map"],
    ["size", "outInt"],
  ],
  proxy_get_buffer_bytes: [
    ["buffer", "buffer"],
    ["start", "int"],
    ["length", "int"],
    ["bytes", "outBytes"],
  ],
  proxy_get_buffer_status: [
    ["buffer", "buffer"],
    ["length", "outInt"],
    ["flags", "outInt"],
  ],
  proxy_set_buffer_bytes: [
    ["buffer", "buffer"],
    ["start", "int"],
    ["length", "int"],
    ["bytes", "bytes"],
  ],
  proxy_http_call: [
    ["cluster", "text"],
    ["headers", "pairs"],
    ["body", "bytes"],
    ["trailers", "pairs"],
    ["timeout", "int"],
    ["token", "outInt"],
  ],
  proxy_grpc_call: [...GRPC_CALL, ["message", "bytes"], ["timeout", "int"], ["token", "outInt"]],
  proxy_grpc_stream: [...GRPC_CALL, ["token", "outInt"]],
  proxy_grpc_send: [
    ["token", "int"],
    ["message", "bytes"],
    ["endStream", "int"],
  ],
  proxy_grpc_close: [["token", "int"]],
  proxy_grpc_cancel: [["token", "int"]],
  proxy_set_tick_period_milliseconds: [["period", "int"]],
  proxy_get_current_time_nanoseconds: [["time", "outLong"]],
  proxy_define_metric: [
    ["type", "metric"],
    ["name", "text"],
    ["id", "outInt"],
  ],
  proxy_increment_metric: [
    ["id", "int"],
    ["offset", "long"],
  ],
  proxy_record_metric: [
    ["id", "int"],
    ["value", "long"],
  ],
  proxy_get_metric: [
    ["id", "int"],
    ["value", "outLong"],
  ],
  proxy_get_shared_data: [
    ["key", "text"],
    ["value", "outBytes"],
    ["cas", "outInt"],
  ],
  proxy_set_shared_data: [
    ["key", "text"],
    ["value", "bytes"],
    ["cas", "int"],
  ],
  proxy_register_shared_queue: [
    ["name", "text"],
    ["token", "outInt"],
  ],
  proxy_resolve_shared_queue: [
    ["vmId", "text"],
    ["name", "text"],
    ["token", "outInt"],
  ],
  proxy_enqueue_shared_queue: [
    ["token", "int"],
    ["data", "bytes"],
  ],
  proxy_dequeue_shared_queue: [
    ["token", "int"],
    ["data", "outBytes"],
  ],
  proxy_call_foreign_function: [
    ["function", "text"],
    ["arguments", "bytes"],
    ["results", "outBytes"],
  ],
};

const HEADERS = ["context", "headers", "endOfStream"];
const BODY = ["context", "bytes", "endOfStream"];
const TRAILERS = ["context", "trailers"];
const GRPC = ["context", "token", "size"];
const CLOSE = ["context", "closeType"];

/** Names of the words of each callback; words behind them are not passed. */
export const CALLBACK_WORDS: Readonly<Record<string, readonly string[]>> = {
  proxy_validate_configuration: ["context", "size"],
  proxy_on_vm_start: ["context", "size"],
  proxy_on_configure: ["context", "size"],
  proxy_on_tick: ["context"],
  proxy_on_context_create: ["context", "root"],
  proxy_on_new_connection: ["context"],
  proxy_on_downstream_data: BODY,
  proxy_on_upstream_data: BODY,
  proxy_on_downstream_connection_close: CLOSE,
  proxy_on_upstream_connection_close: CLOSE,
  proxy_on_request_headers: HEADERS,
  proxy_on_request_body: BODY,
  proxy_on_request_trailers: TRAILERS,
  proxy_on_request_metadata: ["context", "elements"],
  proxy_on_response_headers: HEADERS,
  proxy_on_response_body: BODY,
  proxy_on_response_trailers: TRAILERS,
  proxy_on_response_metadata: ["context", "elements"],
  proxy_on_http_call_response: ["context", "token", "headers", "bytes", "trailers"],
  proxy_on_grpc_receive: GRPC,
  proxy_on_grpc_receive_initial_metadata: ["context", "token", "headers"],
  proxy_on_grpc_receive_trailing_metadata: ["context", "token", "trailers"],
  proxy_on_grpc_close: ["context", "token", "status"],
  proxy_on_queue_ready: ["context", "token"],
  proxy_on_foreign_function: ["context", "function", "size"],
  proxy_on_done: ["context"],
  proxy_on_log: ["context"],
  proxy_on_delete: ["context"],
};
