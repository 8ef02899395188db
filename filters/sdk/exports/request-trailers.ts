import { HttpStream } from "../contexts/http-stream";
import { enter, findStream, leave } from "../contexts/callbacks";
import { StreamState } from "../contexts/stream";
import { requestTrailers } from "../hostcalls/header-map";

export function proxy_on_request_trailers(contextId: u32, trailerCount: u32): u32 {
  enter();
  const stream = findStream(contextId);
  let action: u32 = 0;
  if (stream != null) {
    const http = changetype<HttpStream>(stream);
    action = http.settle(http.onRequestTrailers(requestTrailers), StreamState.RequestPaused);
  }
  leave();
  return action;
}
