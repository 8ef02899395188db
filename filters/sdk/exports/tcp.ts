import { CloseType } from "../abi/enums";
import { enter, findStream, leave } from "../contexts/callbacks";
import { StreamState } from "../contexts/stream";
import { TcpStream } from "../contexts/tcp-stream";

function find(contextId: u32): TcpStream | null {
  const stream = findStream(contextId);
  return stream != null ? changetype<TcpStream>(stream) : null;
}

/** A connection that no object can judge is held for ever, which is closed. */
const NO_CONTEXT: u32 = 1;

export function proxy_on_new_connection(contextId: u32): u32 {
  enter();
  const stream = find(contextId);
  const action: u32 = stream != null ? stream.settle(stream.onNewConnection(), StreamState.RequestPaused) : NO_CONTEXT;
  leave();
  return action;
}

export function proxy_on_downstream_data(contextId: u32, size: u32, endOfStream: u32): u32 {
  enter();
  const stream = find(contextId);
  const action: u32 =
    stream != null ? stream.settle(stream.onDownstreamData(<i32>size, endOfStream != 0), StreamState.RequestPaused) : NO_CONTEXT;
  leave();
  return action;
}

export function proxy_on_upstream_data(contextId: u32, size: u32, endOfStream: u32): u32 {
  enter();
  const stream = find(contextId);
  const action: u32 =
    stream != null ? stream.settle(stream.onUpstreamData(<i32>size, endOfStream != 0), StreamState.ResponsePaused) : NO_CONTEXT;
  leave();
  return action;
}

export function proxy_on_downstream_connection_close(contextId: u32, closeType: CloseType): void {
  enter();
  const stream = find(contextId);
  if (stream != null) stream.onDownstreamClose(closeType);
  leave();
}

export function proxy_on_upstream_connection_close(contextId: u32, closeType: CloseType): void {
  enter();
  const stream = find(contextId);
  if (stream != null) stream.onUpstreamClose(closeType);
  leave();
}
