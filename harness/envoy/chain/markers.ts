import { lua, type Extension } from "../bootstrap/index.ts";

// Envoy's log lines of wasm filters name no stream. So that a decision can be told from those of other streams, the chain is set between two
// small native filters that number the streams and log where each comes and goes.

/**
 * - `begin`: a request enters the filters, at their first;
 * - `forward`: it leaves them, towards the router;
 * - `answer`: a response enters them, at their last;
 * - `end`: it leaves them, towards the client.
 */
export type Mark = "begin" | "forward" | "answer" | "end";

/** How a mark stands in the log of Envoy's `lua` logger. */
const LINE = /^script log: meshwright (begin|forward|answer|end) (\d+)$/;

/** A client's own header that carries `ExchangeRequest.metadata`, as a Lua expression. No filter sees it. */
export const METADATA_HEADER = "x-meshwright-metadata";

/** A client's own header with the number of its stream, where the client counts. No filter sees it. */
export const STREAM_HEADER = "x-meshwright-stream";

/** Namespace of dynamic metadata that holds the stream's number; it stands in the access log too. */
const NAMESPACE = "meshwright";
export const STREAM_NUMBER = `%DYNAMIC_METADATA(${NAMESPACE}:stream)%`;

/** @param stream the number, as a Lua expression; where a callback does not know it, it is looked up */
function mark(name: Mark, stream = `handle:streamInfo():dynamicMetadata():get("${NAMESPACE}").stream`): string {
  return `handle:logInfo(string.format("meshwright ${name} %d", ${stream}))`;
}

/** Before every filter. Sets dynamic metadata too, as a native filter in front would have. */
export function firstMarker(): Extension {
  return lua("first", firstMarkerSource("counted"));
}

/**
 * Lua of {@link firstMarker}.
 *
 * @param numbers `counted`: streams get the next number, of one listener alone; `given`: the client says it, in the header {@link STREAM_HEADER}, and every client is ours
 */
export function firstMarkerSource(numbers: "counted" | "given"): string {
  const counted = "streams = streams + 1";
  const given = `streams = tonumber(handle:headers():get("${STREAM_HEADER}"))\n  handle:headers():remove("${STREAM_HEADER}")`;
  return `local streams = 0
function envoy_on_request(handle)
  ${numbers === "counted" ? counted : given}
  handle:streamInfo():dynamicMetadata():set("${NAMESPACE}", "stream", streams)
  local text = handle:headers():get("${METADATA_HEADER}")
  if text then
    handle:headers():remove("${METADATA_HEADER}")
    for namespace, fields in pairs(loadstring("return " .. text)()) do
      for key, value in pairs(fields) do handle:streamInfo():dynamicMetadata():set(namespace, key, value) end
    end
  end
  ${mark("begin", "streams")}
end
function envoy_on_response(handle) ${mark("end")} end`;
}

/** Behind every filter, before the router. */
export function lastMarker(): Extension {
  return lua("last", LAST_MARKER_SOURCE);
}

/** Lua of {@link lastMarker}. */
export const LAST_MARKER_SOURCE = `function envoy_on_request(handle) ${mark("forward")} end\nfunction envoy_on_response(handle) ${mark("answer")} end`;

/** The mark in a message of Envoy's log, and the stream's number. */
export function readMark(message: string): { readonly mark: Mark; readonly stream: number } | undefined {
  const match = LINE.exec(message);
  return match === null ? undefined : { mark: match[1] as Mark, stream: Number(match[2]) };
}

/** A JSON value as a Lua expression in ASCII, which a header can carry. */
export function luaExpression(value: unknown): string {
  if (typeof value === "string") return `"${[...Buffer.from(value, "utf8")].map((byte) => `\\${String(byte).padStart(3, "0")}`).join("")}"`;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `{${value.map(luaExpression).join(",")}}`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, field]) => `[${luaExpression(key)}]=${luaExpression(field)}`)
      .join(",")}}`;
  }
  return "nil";
}
