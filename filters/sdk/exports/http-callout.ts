import { HttpCallout } from "../callouts/http-callout";
import { receive, settle } from "../callouts/pending";
import { enter, leave } from "../contexts/callbacks";

export function proxy_on_http_call_response(rootContextId: u32, token: u32, headerCount: u32, bodySize: u32, trailerCount: u32): void {
  enter();
  const callout = receive(token);
  if (callout != null && callout instanceof HttpCallout) {
    settle(token, callout);
    (<HttpCallout>callout).receive(headerCount);
  }
  leave();
}
