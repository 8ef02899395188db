import { CloseType, NetworkAction, StreamType } from "../abi/enums";
import { proxy_close_stream, proxy_continue_stream } from "../abi/hostcalls";
import { Stream, StreamState } from "./stream";

/** One TCP connection through a network filter. Data is in `downstreamData` and `upstreamData`. */
export abstract class TcpStream extends Stream {
  onNewConnection(): NetworkAction {
    return NetworkAction.Continue;
  }

  onDownstreamData(size: i32, endOfStream: bool): NetworkAction {
    return NetworkAction.Continue;
  }

  onUpstreamData(size: i32, endOfStream: bool): NetworkAction {
    return NetworkAction.Continue;
  }

  onDownstreamClose(closeType: CloseType): void {}

  onUpstreamClose(closeType: CloseType): void {}

  /** Lets data of the client, held by `StopIteration`, go on. */
  resumeDownstream(): bool {
    if (!(this.state & StreamState.RequestPaused) || this.state & (StreamState.Ended | StreamState.Closed)) return false;
    this.state &= ~StreamState.RequestPaused;
    return proxy_continue_stream(StreamType.Downstream) == 0;
  }

  onTimer(): void {
    this.resumeDownstream();
  }

  /** Closes the client's connection. Once. */
  close(): bool {
    if (this.state & (StreamState.Closed | StreamState.Ended)) return false;
    this.state |= StreamState.Closed;
    return proxy_close_stream(StreamType.Downstream) == 0;
  }

  /** @internal */
  @inline
  settle(action: u32, paused: StreamState): u32 {
    if (action == 0) this.state &= ~paused;
    else this.state |= paused;
    return action;
  }
}
