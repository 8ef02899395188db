import { number, pairs, bytes, type Token } from "./words.ts";

/** One hostcall that ends or changes a stream, made in one callback of it. */
export interface Effect {
  readonly hostcall: string;
  readonly what: string;
  readonly callback: string;
  readonly tokens: readonly Token[];
  /** What the callback returns; Continue where absent. */
  readonly returns?: number;
  /** The same call is made twice. */
  readonly twice?: boolean;
  /** The filter stands behind one that answers: its context is created for the log alone. */
  readonly behind?: boolean;
}

/** Callbacks of a stream, in the order in which they come. */
export const STREAM_CALLBACKS = [
  "create",
  "request_headers",
  "request_body",
  "request_trailers",
  "response_headers",
  "response_body",
  "response_trailers",
  "log",
  "done",
  "delete",
] as const;

const BEHIND = ", of a stream that is over";
const NO_SERVICE = "a service without a target";

const LOCAL_RESPONSE: readonly Token[] = [
  number(418),
  bytes("why it is"),
  bytes("local"),
  pairs([
    ["x-local", "1"],
    ["content-type", "text/html"],
  ]),
  number(-1),
];

const KINDS: ReadonlyArray<Omit<Effect, "callback">> = [
  { hostcall: "proxy_continue_stream", what: "request", tokens: [number(0)] },
  { hostcall: "proxy_continue_stream", what: "response", tokens: [number(1)] },
  { hostcall: "proxy_continue_stream", what: "request, of one that is paused", tokens: [number(0)], returns: 1 },
  { hostcall: "proxy_close_stream", what: "request", tokens: [number(0)] },
  { hostcall: "proxy_close_stream", what: "response", tokens: [number(1)] },
  { hostcall: "proxy_close_stream", what: "request, twice", tokens: [number(0)], twice: true },
  { hostcall: "proxy_send_local_response", what: "once", tokens: LOCAL_RESPONSE },
  { hostcall: "proxy_send_local_response", what: "twice", tokens: LOCAL_RESPONSE, twice: true },
  { hostcall: "proxy_set_header_map_pairs", what: "malformed, request", tokens: [number(0), bytes("abc")] },
  { hostcall: "proxy_set_header_map_pairs", what: "malformed, response", tokens: [number(2), bytes("abc")] },
  { hostcall: "proxy_remove_header_map_value", what: ":path", tokens: [number(0), bytes(":path")] },
  { hostcall: "proxy_remove_header_map_value", what: ":status", tokens: [number(2), bytes(":status")] },
];

/** Empty bytes are a `GrpcService` without a target. */
const NO_TARGET: readonly Token[] = ["x", bytes("s"), bytes("m"), pairs([])];

/** Every hostcall that ends or changes a stream, in every callback of one; and what ends Envoy wherever it is called. */
export const EFFECTS: readonly Effect[] = [
  // What `create` returns means nothing.
  ...STREAM_CALLBACKS.flatMap((callback) =>
    KINDS.filter(({ returns }) => callback !== "create" || returns === undefined).map((kind) => ({ ...kind, callback })),
  ),
  ...KINDS.filter(({ returns }) => returns === undefined).map((kind) => ({
    ...kind,
    what: `${kind.what}${BEHIND}`,
    callback: "create",
    behind: true,
  })),
  { hostcall: "proxy_grpc_call", what: NO_SERVICE, callback: "request_headers", tokens: [...NO_TARGET, bytes(""), number(1000), "o4"] },
  { hostcall: "proxy_grpc_stream", what: NO_SERVICE, callback: "request_headers", tokens: [...NO_TARGET, "o4"] },
];

/** What the host refuses to do, because Envoy ends there, or does what nobody can rely on. */
export interface Refusal {
  readonly hostcall: string;
  readonly what: string;
  readonly callback: string;
  readonly code: "would-crash-envoy" | "would-corrupt-response";
  /** Whether Envoy always ends. Else it may live, with memory that it uses after it is freed, or with an answer that is broken. */
  readonly ends: boolean;
  readonly reason: string;
}

/** Alike but for callback and variant. */
export type RefusalGroup = Omit<Refusal, "callback" | "what"> & {
  readonly whats: readonly string[];
  readonly callbacks: readonly string[];
};

const OVER = ["log", "done", "delete"];
const CLOSES = ["request", "response", "request, twice"];
const IN_RESPONSE = ["response_headers", "response_body", "response_trailers"];

export const REFUSAL_GROUPS: readonly RefusalGroup[] = [
  {
    hostcall: "proxy_continue_stream",
    whats: ["request"],
    callbacks: ["create", "request_headers"],
    code: "would-corrupt-response",
    ends: false,
    reason: "the headers are not paused, and go upstream twice",
  },
  {
    hostcall: "proxy_continue_stream",
    whats: ["response"],
    callbacks: ["create", "request_headers", "request_body", "request_trailers"],
    code: "would-crash-envoy",
    ends: true,
    reason: "there is no response yet: Envoy ends with SIGSEGV",
  },
  {
    hostcall: "proxy_continue_stream",
    whats: ["response"],
    callbacks: ["response_headers", "response_body"],
    code: "would-corrupt-response",
    ends: false,
    reason: "the response is not paused: parts of it may go out twice, or the client sees a reset",
  },
  {
    hostcall: "proxy_continue_stream",
    whats: ["response"],
    callbacks: ["response_trailers"],
    code: "would-crash-envoy",
    ends: true,
    reason: "the trailers are not paused and go out twice: Envoy ends with SIGSEGV",
  },
  {
    hostcall: "proxy_close_stream",
    whats: CLOSES,
    callbacks: ["create"],
    code: "would-crash-envoy",
    ends: false,
    reason: "the context is created once more for the log of the stream, and closes it again",
  },
  {
    hostcall: "proxy_close_stream",
    whats: CLOSES.map((what) => `${what}${BEHIND}`),
    callbacks: ["create"],
    code: "would-crash-envoy",
    ends: true,
    reason: "behind a filter that answers, the context is created for the log: closing logs again, without end",
  },
  {
    hostcall: "proxy_send_local_response",
    whats: ["once", "twice"].map((what) => `${what}${BEHIND}`),
    callbacks: ["create"],
    code: "would-crash-envoy",
    ends: true,
    reason: "behind a filter that answers, the context is created for the log: the answer is logged again, without end",
  },
  {
    hostcall: "proxy_close_stream",
    whats: ["request, twice"],
    callbacks: ["request_headers", "request_body"],
    code: "would-crash-envoy",
    ends: false,
    reason: "Envoy resets a stream that it has reset; in later callbacks it ends of that",
  },
  {
    hostcall: "proxy_close_stream",
    whats: ["request, twice"],
    callbacks: ["request_trailers", "response_headers", "response_body"],
    code: "would-crash-envoy",
    ends: false,
    reason: "the stream is gone the second time: Envoy ends with SIGSEGV, nearly always",
  },
  {
    hostcall: "proxy_close_stream",
    whats: CLOSES,
    callbacks: ["response_trailers"],
    code: "would-crash-envoy",
    ends: false,
    reason: "the codec goes on with a stream that is gone: Envoy ends at once over HTTP/1.1, over HTTP/2 it may live",
  },
  {
    hostcall: "proxy_send_local_response",
    whats: ["twice"],
    callbacks: IN_RESPONSE,
    code: "would-crash-envoy",
    ends: false,
    reason: "the second one logs the stream again, and ends Envoy then or later",
  },
  {
    hostcall: "proxy_close_stream",
    whats: CLOSES,
    callbacks: OVER,
    code: "would-crash-envoy",
    ends: true,
    reason: "the stream is gone: Envoy ends with SIGSEGV",
  },
  {
    hostcall: "proxy_send_local_response",
    whats: ["once", "twice"],
    callbacks: OVER,
    code: "would-crash-envoy",
    ends: true,
    reason: "the stream is gone, and is logged again: Envoy ends with SIGSEGV",
  },
  ...["proxy_grpc_call", "proxy_grpc_stream"].map((hostcall): RefusalGroup => ({
    hostcall,
    whats: [NO_SERVICE],
    callbacks: ["request_headers"],
    code: "would-crash-envoy",
    ends: true,
    reason: "in every callback: Envoy ends with `panic: unset oneof`",
  })),
];

export const REFUSED: readonly Refusal[] = REFUSAL_GROUPS.flatMap(({ whats, callbacks, ...group }) =>
  callbacks.flatMap((callback) => whats.map((what) => ({ ...group, what, callback }))),
);

export function refusalOf({ hostcall, what, callback }: Effect): Refusal | undefined {
  return REFUSED.find((refusal) => refusal.hostcall === hostcall && refusal.what === what && refusal.callback === callback);
}

/** Lines for the module: in the header `x-probe`, or in its VM configuration for a callback in which there are no headers. */
export function effectProgram({ callback, hostcall, tokens, returns, twice }: Effect): string[] {
  const call = `${callback} 0 ${hostcall} ${tokens.join(" ")}`;
  return [call, ...(twice === true ? [call] : []), ...(returns === undefined ? [] : [`${callback} 1 return ${returns}`])];
}
