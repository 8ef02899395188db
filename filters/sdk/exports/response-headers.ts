import { HttpStream } from "../contexts/http-stream";
import { enter, findStream, leave } from "../contexts/callbacks";
import { StreamState } from "../contexts/stream";
import { responseHeaders } from "../hostcalls/header-map";

export function proxy_on_response_headers(contextId: u32, headerCount: u32, endOfStream: u32): u32 {
  enter();
  const stream = findStream(contextId);
  let action: u32 = 0;
  if (stream != null) {
    const http = changetype<HttpStream>(stream);
    action = http.settle(http.onResponseHeaders(responseHeaders, endOfStream != 0), StreamState.ResponsePaused);
  }
  leave();
  return action;
}
