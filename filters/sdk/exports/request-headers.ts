import { HttpStream } from "../contexts/http-stream";
import { enter, findStream, leave, refuseRequest } from "../contexts/callbacks";
import { StreamState } from "../contexts/stream";
import { requestHeaders } from "../hostcalls/header-map";

export function proxy_on_request_headers(contextId: u32, headerCount: u32, endOfStream: u32): u32 {
  enter();
  const stream = findStream(contextId);
  let action: u32;
  if (stream == null) {
    action = refuseRequest();
  } else {
    const http = changetype<HttpStream>(stream);
    action = http.settle(http.onRequestHeaders(requestHeaders, endOfStream != 0), StreamState.RequestPaused);
  }
  leave();
  return action;
}
