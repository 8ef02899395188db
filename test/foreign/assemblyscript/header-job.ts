import { Context, FilterHeadersStatusValues, RootContext, stream_context } from "@gcoredev/proxy-wasm-sdk-as/assembly";

/** The header job of the benchmark, as the SDK's documentation would have one write it. */
export class HeaderJob extends Context {
  constructor(id: u32, root: RootContext) {
    super(id, root);
  }

  onRequestHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    const headers = stream_context.headers.request;
    const path = headers.get(":path");
    const user = headers.get("x-user");
    const authorization = headers.get("authorization");
    if (path.startsWith("/api/")) headers.replace("x-route", user.endsWith("-beta") ? "canary" : "stable");
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(count: u32, endOfStream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-filter", "1");
    return FilterHeadersStatusValues.Continue;
  }
}
