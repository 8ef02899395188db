import { HttpStream } from "../contexts/http-stream";
import { TcpStream } from "../contexts/tcp-stream";
import { enter, findStream, leave } from "../contexts/callbacks";
import { StreamState } from "../contexts/stream";

export function proxy_on_log(contextId: u32): void {
  enter();
  const stream = findStream(contextId);
  if (stream != null) {
    stream.state |= StreamState.Ended;
    if (stream instanceof HttpStream) (<HttpStream>stream).onLog();
    else if (stream instanceof TcpStream) (<TcpStream>stream).onLog();
  }
  leave();
}
