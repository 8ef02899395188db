import { HttpStream } from "../contexts/http-stream";
import { enter, findStream, leave } from "../contexts/callbacks";
import { StreamState } from "../contexts/stream";

export function proxy_on_response_body(contextId: u32, size: u32, endOfStream: u32): u32 {
  enter();
  const stream = findStream(contextId);
  let action: u32 = 0;
  if (stream != null) {
    const http = changetype<HttpStream>(stream);
    action = http.settle(http.onResponseBody(<i32>size, endOfStream != 0), StreamState.ResponsePaused);
  }
  leave();
  return action;
}
