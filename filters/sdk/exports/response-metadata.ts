import { HttpStream } from "../contexts/http-stream";
import { enter, findStream, leave } from "../contexts/callbacks";

export function proxy_on_response_metadata(contextId: u32, elements: u32): u32 {
  enter();
  const stream = findStream(contextId);
  if (stream != null) changetype<HttpStream>(stream).onResponseMetadata(elements);
  leave();
  return 0;
}
