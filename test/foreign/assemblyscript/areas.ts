import {
  BaseContext,
  BufferTypeValues,
  Context,
  Counter,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  get_buffer_bytes,
  get_property,
  get_shared_data,
  log,
  LogLevelValues,
  makeHeaderPair,
  RootContext,
  send_local_response,
  set_buffer_bytes,
  set_shared_data,
  stream_context,
  WasmResultValues,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

/** What a stream does with bodies, callouts, shared data, metrics and properties. */
export class Areas extends Context {
  constructor(
    id: u32,
    root: RootContext,
    private requests: Counter,
  ) {
    super(id, root);
  }

  onRequestHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    const headers = stream_context.headers.request;
    this.requests.increment(1);
    headers.replace("x-count", this.count().toString());
    headers.replace("x-plugin", String.UTF8.decode(get_property("plugin_name")));
    headers.replace("x-ticked", get_shared_data("ticks").result == WasmResultValues.Ok ? "yes" : "no");
    if (headers.get("x-deny") != "") {
      send_local_response(403, "", String.UTF8.encode("denied\n"), [makeHeaderPair("x-denied", "foreign")], -1);
      return FilterHeadersStatusValues.StopIteration;
    }
    if (headers.get("x-callout") == "") return FilterHeadersStatusValues.Continue;
    const call = [makeHeaderPair(":method", "GET"), makeHeaderPair(":path", "/check"), makeHeaderPair(":authority", "callout")];
    const result = this.root_context.httpCall("callout", call, new ArrayBuffer(0), [], 5000, this, (origin, status, size, trailers) => {
      const request = stream_context.headers.request;
      request.replace("x-callout-status", stream_context.headers.http_callback.get(":status"));
      const body = get_buffer_bytes(BufferTypeValues.HttpCallResponseBody, 0, <u32>size);
      request.replace("x-callout-body", String.UTF8.decode(body));
      origin.continueRequest();
    });
    return result == WasmResultValues.Ok ? FilterHeadersStatusValues.StopIteration : FilterHeadersStatusValues.Continue;
  }

  onRequestBody(size: usize, endOfStream: bool): FilterDataStatusValues {
    if (!endOfStream) return FilterDataStatusValues.StopIterationAndBuffer;
    const body = String.UTF8.decode(get_buffer_bytes(BufferTypeValues.HttpRequestBody, 0, <u32>size));
    set_buffer_bytes(BufferTypeValues.HttpRequestBody, 0, <u32>size, String.UTF8.encode(body.toUpperCase()));
    return FilterDataStatusValues.Continue;
  }

  onResponseHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-filter", "foreign");
    return FilterHeadersStatusValues.Continue;
  }

  onLog(): void {
    log(LogLevelValues.info, "foreign: a stream ended");
  }

  /** Adds one under `count` and returns the new value. */
  private count(): i32 {
    let next: i32;
    let result: WasmResultValues;
    do {
      const found = get_shared_data("count");
      const value = found.value;
      next = (value != null ? I32.parseInt(String.UTF8.decode(value)) : 0) + 1;
      result = set_shared_data("count", String.UTF8.encode(next.toString()), found.cas);
    } while (result != WasmResultValues.Ok);
    return next;
  }
}
