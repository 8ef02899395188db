import { calloutProbes, foreignProbes } from "./callout-probes.ts";
import { calls, given, input, integer, only, output, outside, valid, wrong, wrongCalls, type Probe } from "./variants.ts";
import { wasiProbes } from "./wasi-probes.ts";
import { bytes, number, own, pairs } from "./words.ts";

/** Callbacks that come for a root context, but for those of its end. */
export const ROOT_CALLBACKS: readonly string[] = [
  ...["root_create", "vm_start", "configure", "tick", "queue_ready", "http_call_response"],
  ...["grpc_receive_initial_metadata", "grpc_receive", "grpc_receive_trailing_metadata", "grpc_close"],
];

/** And those of a TCP connection only. */
const WITHOUT_HTTP = [
  ...[...ROOT_CALLBACKS, "root_done", "root_delete"],
  ...["new_connection", "downstream_data", "upstream_data", "upstream_connection_close", "downstream_connection_close"],
];

const HUGE = [-1, 0x7fffffff];
const MAPS = Array.from({ length: 8 }, (_, map) => map);
const BUFFERS = Array.from({ length: 9 }, (_, buffer) => buffer);
const NONE = pairs([]);

const logging: Probe[] = [
  ...calls("proxy_log", integer("level", number(2), [6, -1, 255]), input("message", bytes("logged"))),
  ...calls("proxy_get_log_level", output("level", "o4")),
  // The code is that of the callout that ended last, which one depends on the network: whether it is written counts here.
  ...calls("proxy_get_status", output("code", "t4"), given("message")),
];

const PROPERTIES = [
  ...["request.path", "request.url_path", "request.host", "request.scheme", "request.method", "request.headers.x-h", "request.referer"],
  ...["request.useragent", "request.protocol", "request.query", "request.size", "request.total_size"],
  ...["response.code", "response.code_details", "response.flags", "response.grpc_status", "response.size", "response.headers.x-r"],
  ...["response.trailers.x-t", "connection.mtls", "connection.tls_version", "connection.requested_server_name"],
  ...["source.port", "destination.address", "destination.port", "upstream.transport_failure_reason", "upstream.request_attempt_count"],
  ...[
    "xds.route_name",
    "xds.cluster_name",
    "xds.cluster_metadata",
    "xds.route_metadata",
    "xds.virtual_host_name",
    "xds.listener_direction",
  ],
  ...["xds.filter_chain_name", "xds.listener_metadata", "plugin_name", "plugin_root_id", "plugin_vm_id", "listener_direction"],
  ...[
    "metadata",
    "metadata.filter_metadata",
    "filter_state",
    "filter_state.nope",
    "upstream_filter_state.nope",
    "request",
    "request.headers",
    "response.headers",
    "response.trailers",
  ],
  ...["response", "connection", "nope", "request.nope", "node", "xds.node.id", "xds", "source", "upstream", "route_name", "plugin_name.x"],
];
const property = (path: string) => bytes(path.replaceAll(".", "\0"));

const properties: Probe[] = [
  ...calls("proxy_get_property", input("path", property("plugin_name")), given("value")),
  ...PROPERTIES.map((path) => valid("proxy_get_property", path, property(path), "p")),
  wrong("proxy_get_property", "path of empty parts", bytes("\0\0"), "p"),
  wrong("proxy_get_property", "path that ends with NUL", bytes("plugin_name\0"), "p"),
  ...calls("proxy_set_property", input("path", bytes("kept")), input("value", bytes("value"))),
  valid("proxy_get_property", "a property that was set", bytes("kept"), "p"),
];

const headerMaps: Probe[] = [
  ...wrongCalls("proxy_get_header_map_value", integer("map", number(0), [8, -1, 255]), input("name", bytes(":method")), given("value")),
  ...MAPS.flatMap((map) => [
    valid("proxy_get_header_map_value", `a header that is there, map ${map}`, number(map), bytes(map < 4 ? "x-h" : "x-r"), "p"),
    valid("proxy_get_header_map_value", `a header that is not there, map ${map}`, number(map), bytes("x-nope"), "p"),
    valid("proxy_get_header_map_value", `a name in capitals, map ${map}`, number(map), bytes("X-H"), "p"),
    valid("proxy_get_header_map_pairs", `map ${map}`, number(map), "p"),
    valid("proxy_get_header_map_size", `map ${map}`, number(map), "o4"),
    valid("proxy_add_header_map_value", `map ${map}`, number(map), bytes("x-added"), bytes("1")),
    valid("proxy_add_header_map_value", `again, map ${map}`, number(map), bytes("X-Added"), bytes("2")),
    valid("proxy_replace_header_map_value", `map ${map}`, number(map), bytes("x-replaced"), bytes("1")),
    valid("proxy_replace_header_map_value", `of two values, map ${map}`, number(map), bytes("x-added"), bytes("3")),
    valid("proxy_remove_header_map_value", `map ${map}`, number(map), bytes("x-replaced")),
    valid("proxy_remove_header_map_value", `a header that is not there, map ${map}`, number(map), bytes("x-nope")),
  ]),
  ...wrongCalls("proxy_get_header_map_pairs", integer("map", number(0), [8, -1]), given("pairs")),
  ...wrongCalls("proxy_get_header_map_size", integer("map", number(0), [8, -1]), output("size", "o4")),
  ...wrongCalls("proxy_add_header_map_value", integer("map", number(0), [8, -1]), input("name", bytes("x-a")), input("value", bytes("1"))),
  ...wrongCalls(
    "proxy_replace_header_map_value",
    integer("map", number(0), [8, -1]),
    input("name", bytes("x-b")),
    input("value", bytes("1")),
  ),
  ...wrongCalls("proxy_remove_header_map_value", integer("map", number(0), [8, -1]), input("name", bytes("x-c"))),
  ...[1, 3, 4, 5, 6, 7].map((map) => valid("proxy_set_header_map_pairs", `map ${map}`, number(map), pairs([["x-set", "1"]]))),
  ...[8, -1].map((map) => wrong("proxy_set_header_map_pairs", `map ${map}`, number(map), pairs([["x-set", "1"]]))),
  wrong("proxy_set_header_map_pairs", "pairs behind the end", number(0), "m0", number(4)),
  wrong("proxy_set_header_map_pairs", "pairs longer than the memory", number(0), number(8), number(-1)),
  ...only(
    ["request_headers"],
    [
      valid(
        "proxy_set_header_map_pairs",
        "all of a request",
        number(0),
        pairs([
          [":method", "POST"],
          [":scheme", "http"],
          [":path", "/set?q=1"],
          [":authority", "set"],
          ["x-forwarded-proto", "http"],
          ["X-H", "capital"],
          ["x-h", "2"],
        ]),
      ),
      valid("proxy_get_header_map_pairs", "after they were set", number(0), "p"),
    ],
  ),
  ...only(
    ["response_headers"],
    [
      valid(
        "proxy_set_header_map_pairs",
        "all of a response",
        number(2),
        pairs([
          [":status", "201"],
          ["x-r", "set"],
        ]),
      ),
      valid("proxy_get_header_map_pairs", "after they were set", number(2), "p"),
    ],
  ),
];

const buffers: Probe[] = [
  ...wrongCalls("proxy_get_buffer_bytes", integer("buffer", number(6), [9, -1]), integer("start", number(0), HUGE)),
  ...BUFFERS.flatMap((buffer) => [
    ...(buffer === 6 ? [] : [valid("proxy_get_buffer_bytes", `buffer ${buffer}`, number(buffer), number(0), number(100), "p")]),
    valid("proxy_get_buffer_bytes", `the middle of buffer ${buffer}`, number(buffer), number(2), number(3), "p"),
    valid("proxy_get_buffer_bytes", `nothing of buffer ${buffer}`, number(buffer), number(0), number(0), "p"),
    wrong("proxy_get_buffer_bytes", `behind buffer ${buffer}`, number(buffer), number(1_000_000), number(5), "p"),
    wrong("proxy_get_buffer_bytes", `a sum that overflows, buffer ${buffer}`, number(buffer), number(-1), number(-1), "p"),
    ...(buffer === 6 ? [] : [valid("proxy_get_buffer_status", `buffer ${buffer}`, number(buffer), "o4", "o4")]),
    ...(buffer < 4
      ? [
          valid("proxy_set_buffer_bytes", `before buffer ${buffer}`, number(buffer), number(0), number(0), bytes("<")),
          valid("proxy_set_buffer_bytes", `behind buffer ${buffer}`, number(buffer), number(-1), number(0), bytes(">")),
          wrong("proxy_set_buffer_bytes", `within buffer ${buffer}`, number(buffer), number(1), number(1), bytes("|")),
          valid("proxy_set_buffer_bytes", `the start of buffer ${buffer}`, number(buffer), number(0), number(2), bytes("{")),
        ]
      : [wrong("proxy_set_buffer_bytes", `buffer ${buffer}`, number(buffer), number(0), number(0), bytes("x"))]),
  ]),
  ...wrongCalls(
    "proxy_get_buffer_bytes",
    integer("buffer", number(7)),
    integer("start", number(0)),
    integer("length", number(5)),
    given("bytes"),
  ),
  ...wrongCalls("proxy_get_buffer_status", integer("buffer", number(0), [9, -1]), output("length", "o4"), output("flags", "o4")),
  ...wrongCalls(
    "proxy_set_buffer_bytes",
    integer("buffer", number(0), [9, -1]),
    integer("start", number(-1)),
    integer("length", number(0)),
    input("bytes", bytes("y")),
  ),
];

const streams: Probe[] = [
  wrong("proxy_continue_stream", "type 4", number(4)),
  wrong("proxy_continue_stream", "type -1", number(-1)),
  valid("proxy_continue_stream", "downstream", number(2)),
  valid("proxy_continue_stream", "upstream", number(3)),
  wrong("proxy_close_stream", "type 4", number(4)),
  wrong("proxy_close_stream", "type -1", number(-1)),
  ...wrongCalls(
    "proxy_send_local_response",
    integer("status", number(418)),
    { ...input("details", bytes("d")), wrong: outside("details") },
    { ...input("body", bytes("b")), wrong: outside("body") },
    { ...input("headers", NONE), wrong: outside("headers") },
  ).map((probe) => ({ ...probe, tokens: [...probe.tokens, number(-1)] })),
  valid("proxy_set_effective_context", "this one", "c"),
  valid("proxy_set_effective_context", "the root", "r"),
  valid("proxy_set_effective_context", "this one again", "c"),
  wrong("proxy_set_effective_context", "99999", number(99_999)),
  wrong("proxy_set_effective_context", "-1", number(-1)),
  valid("proxy_done", "not asked for"),
  // What belongs to HTTP streams has no effect elsewhere; in those it stands in `effects.ts`.
  ...only(WITHOUT_HTTP, [
    valid("proxy_continue_stream", "request", number(0)),
    valid("proxy_continue_stream", "response", number(1)),
    valid("proxy_close_stream", "request", number(0)),
    valid("proxy_close_stream", "response", number(1)),
    valid("proxy_send_local_response", "valid", number(418), bytes("d"), bytes("b"), NONE, number(-1)),
  ]),
  ...only(ROOT_CALLBACKS, [valid("proxy_close_stream", "downstream", number(2)), valid("proxy_close_stream", "upstream", number(3))]),
];

const metrics: Probe[] = [
  ...calls("proxy_define_metric", integer("type", number(0), [3, -1]), input("name", own("counter")), output("id", "s0")),
  valid("proxy_define_metric", "again", number(0), own("counter"), "s0"),
  valid("proxy_define_metric", "gauge", number(1), own("gauge"), "s1"),
  valid("proxy_define_metric", "histogram", number(2), own("histogram"), "s2"),
  valid("proxy_increment_metric", "counter", "g0", number(3)),
  wrong("proxy_increment_metric", "counter by 0", "g0", number(0)),
  wrong("proxy_increment_metric", "counter by -1", "g0", number(-1)),
  valid("proxy_increment_metric", "gauge", "g1", number(5)),
  valid("proxy_increment_metric", "gauge by -2", "g1", number(-2)),
  valid("proxy_increment_metric", "gauge by 0", "g1", number(0)),
  wrong("proxy_increment_metric", "histogram", "g2", number(1)),
  ...[-1, 99_999, 0, 3].map((id) => wrong("proxy_increment_metric", `metric ${id}`, number(id), number(1))),
  valid("proxy_record_metric", "counter", "g0", number(4)),
  valid("proxy_record_metric", "gauge", "g1", number(9)),
  valid("proxy_record_metric", "histogram", "g2", number(7)),
  valid("proxy_get_metric", "counter", "g0", "o8"),
  valid("proxy_get_metric", "gauge", "g1", "o8"),
  wrong("proxy_get_metric", "histogram", "g2", "o8"),
  valid("proxy_record_metric", "gauge to nothing", "g1", number(0)),
  ...[-1, 99_999, 0, 3].map((id) => wrong("proxy_record_metric", `metric ${id}`, number(id), number(1))),
  ...wrongCalls("proxy_get_metric", integer("metric", "g0", [-1, 99_999, 0, 3]), output("value", "o8")),
  valid("proxy_record_metric", "gauge to the largest", "g1", number(0x7fffffffffffffffn)),
  valid("proxy_get_metric", "the largest", "g1", "o8"),
];

const shared: Probe[] = [
  valid("proxy_get_shared_data", "a key that is not there", own("absent"), "p", "o4"),
  ...calls("proxy_set_shared_data", input("key", own("key")), input("value", bytes("kept")), integer("cas", number(0))),
  ...calls("proxy_get_shared_data", input("key", own("key")), given("value"), output("cas", "s3")),
  wrong("proxy_set_shared_data", "another cas", own("key"), bytes("no"), number(0x7ffffff0)),
  valid("proxy_set_shared_data", "the cas that was read", own("key"), bytes("second"), "g3"),
  wrong("proxy_set_shared_data", "a cas that is no longer right", own("key"), bytes("third"), "g3"),
  valid("proxy_get_shared_data", "what was set last", own("key"), "p", "t4"),
  wrong("proxy_set_shared_data", "a cas without a key", own("new"), bytes("x"), number(77)),
  valid("proxy_get_shared_data", "the new key", own("new"), "p", "t4"),
  ...calls("proxy_register_shared_queue", input("name", own("queue")), output("token", "s4")),
  valid("proxy_register_shared_queue", "again", own("queue"), "s4"),
  ...calls("proxy_resolve_shared_queue", input("vm id", bytes("probe")), input("name", own("queue")), output("token", "s5")),
  wrong("proxy_resolve_shared_queue", "of another vm", bytes("other"), own("queue"), "s5"),
  wrong("proxy_resolve_shared_queue", "unknown", bytes("probe"), own("nope"), "s5"),
  valid("proxy_dequeue_shared_queue", "empty", "g4", "p"),
  ...calls("proxy_enqueue_shared_queue", integer("token", "g4", [0, -1]), input("value", bytes("queued"))),
  ...calls("proxy_dequeue_shared_queue", integer("token", "g4", [0, -1]), given("value")),
];

const time: Probe[] = [
  ...calls("proxy_get_current_time_nanoseconds", output("time", "t8")),
  valid("proxy_set_tick_period_milliseconds", "none", number(0)),
  valid("proxy_set_tick_period_milliseconds", "50", number(50)),
];

/** Every probe that ends no stream, in order: later ones see what earlier ones did. What ends one is in `effects.ts`. */
export const PROBES: readonly Probe[] = [
  ...logging,
  ...properties,
  ...headerMaps,
  ...buffers,
  ...metrics,
  ...shared,
  ...time,
  ...foreignProbes,
  ...wasiProbes,
  ...calloutProbes,
  ...streams,
];

/** The probes as the module's VM configuration; those of hostcalls that a version of Envoy lacks left out. */
export function program(probes: readonly Probe[], missing: ReadonlySet<string> = new Set()): string {
  return probes
    .flatMap(({ hostcall, tokens, callbacks }, index) =>
      missing.has(hostcall)
        ? []
        : (callbacks?.map((callback) => `*${callback}`) ?? ["*"]).map((callback) => `${callback} ${index} ${hostcall} ${tokens.join(" ")}`),
    )
    .join("\n");
}
