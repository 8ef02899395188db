import { GrpcCallout } from "../callouts/grpc-callout";
import { receive, settle } from "../callouts/pending";
import { enter, leave } from "../contexts/callbacks";

function find(token: u32): GrpcCallout | null {
  const callout = receive(token);
  return callout != null && callout instanceof GrpcCallout ? <GrpcCallout>callout : null;
}

export function proxy_on_grpc_receive_initial_metadata(rootContextId: u32, token: u32, elements: u32): void {
  enter();
  const callout = find(token);
  if (callout != null) callout.receiveInitialMetadata();
  leave();
}

export function proxy_on_grpc_receive(rootContextId: u32, token: u32, size: u32): void {
  enter();
  const callout = find(token);
  if (callout != null) {
    if (callout.unary) settle(token, callout);
    callout.receiveMessage(<i32>size);
  }
  leave();
}

export function proxy_on_grpc_receive_trailing_metadata(rootContextId: u32, token: u32, elements: u32): void {
  enter();
  const callout = find(token);
  if (callout != null) callout.receiveTrailingMetadata();
  leave();
}

export function proxy_on_grpc_close(rootContextId: u32, token: u32, status: u32): void {
  enter();
  const callout = find(token);
  if (callout != null) {
    settle(token, callout);
    callout.onClose(status);
  }
  leave();
}
