import { calls, given, input, integer, outside, output, valid, wrong, wrongCalls, type Probe } from "./variants.ts";
import { bytes, grpcService, number, pairs, protobufBytes } from "./words.ts";

/** The cluster that answers callouts. */
export const CALLOUT = "callout";

const REQUEST = pairs([
  [":method", "GET"],
  [":path", "/callout"],
  [":authority", CALLOUT],
]);
const NONE = pairs([]);
const SERVICE = grpcService(CALLOUT);

/** Those with a cluster that exists are answered; what comes back is probed as well. */
export const calloutProbes: readonly Probe[] = [
  ...wrongCalls(
    "proxy_http_call",
    input("cluster", bytes("nope")),
    input("headers", REQUEST),
    input("body", bytes("")),
    input("trailers", NONE),
    integer("timeout", number(1000), [-1]),
    output("token", "s6"),
  ),
  wrong("proxy_http_call", "malformed headers", bytes(CALLOUT), bytes("abc"), bytes(""), NONE, number(1000), "s6"),
  wrong("proxy_http_call", "no headers", bytes(CALLOUT), NONE, bytes(""), NONE, number(1000), "s6"),
  ...[":path", ":method", ":authority"].map((missing) =>
    wrong(
      "proxy_http_call",
      `without ${missing}`,
      bytes(CALLOUT),
      pairs([[":method", "GET"] as const, [":path", "/"] as const, [":authority", "a"] as const].filter(([name]) => name !== missing)),
      bytes(""),
      NONE,
      number(1000),
      "s6",
    ),
  ),
  valid("proxy_http_call", "valid", bytes(CALLOUT), REQUEST, bytes("asked"), NONE, number(5000), "s6"),
  ...wrongCalls(
    "proxy_grpc_call",
    { ...input("service", grpcService("nope")), wrong: outside("service") },
    input("name", bytes("s")),
    input("method", bytes("m")),
    input("metadata", NONE),
    input("message", bytes("asked")),
    integer("timeout", number(1000), [-1]),
    output("token", "s7"),
  ),
  valid("proxy_grpc_call", "valid", SERVICE, bytes("s"), bytes("m"), pairs([["x-m", "1"]]), bytes("asked"), number(5000), "s7"),
  wrong("proxy_grpc_send", "to a call", "g7", bytes("x"), number(0)),
  ...wrongCalls(
    "proxy_grpc_stream",
    { ...input("service", grpcService("nope")), wrong: outside("service") },
    input("name", bytes("s")),
    input("method", bytes("m")),
    input("metadata", NONE),
    output("token", "s7"),
  ),
  valid("proxy_grpc_stream", "valid", SERVICE, bytes("s"), bytes("m"), pairs([["x-m", "1"]]), "s7"),
  valid("proxy_grpc_send", "valid", "g7", bytes("asked"), number(1)),
  valid("proxy_grpc_stream", "to be cancelled", SERVICE, bytes("s"), bytes("m"), NONE, "s7"),
  ...wrongCalls("proxy_grpc_send", integer("token", "g7", [-1, 0, 99_999, 99_998]), input("message", bytes("x"))).map((probe) => ({
    ...probe,
    tokens: [...probe.tokens, number(0)],
  })),
  valid("proxy_grpc_cancel", "valid", "g7"),
  wrong("proxy_grpc_cancel", "again", "g7"),
  ...[-1, 0, 99_997, 99_998].flatMap((token) => [
    wrong("proxy_grpc_cancel", `token ${token}`, number(token)),
    wrong("proxy_grpc_close", `token ${token}`, number(token)),
  ]),
  valid("proxy_grpc_stream", "to be closed", SERVICE, bytes("s"), bytes("m"), NONE, "s7"),
  valid("proxy_grpc_close", "valid", "g7"),
];

export const foreignProbes: readonly Probe[] = [
  ...calls("proxy_call_foreign_function", input("name", bytes("clear_route_cache")), input("parameters", bytes("")), given("results")),
  wrong("proxy_call_foreign_function", "unknown", bytes("nope"), bytes(""), "p"),
  valid("proxy_call_foreign_function", "compress", bytes("compress"), bytes("aaaaaaaaaaaa"), "p"),
  wrong("proxy_call_foreign_function", "uncompress of no data", bytes("uncompress"), bytes("abc"), "p"),
  wrong("proxy_call_foreign_function", "verify_signature of no message", bytes("verify_signature"), bytes("abc"), "p"),
  wrong("proxy_call_foreign_function", "sign of no message", bytes("sign"), bytes("abc"), "p"),
  wrong("proxy_call_foreign_function", "declare_property of no message", bytes("declare_property"), bytes("abc"), "p"),
  wrong("proxy_call_foreign_function", "set_envoy_filter_state of no message", bytes("set_envoy_filter_state"), bytes("abc"), "p"),
  valid(
    "proxy_call_foreign_function",
    "set_envoy_filter_state",
    bytes("set_envoy_filter_state"),
    bytes(Buffer.concat([protobufBytes(1, "envoy.string"), protobufBytes(2, "v")])),
    "p",
  ),
];
