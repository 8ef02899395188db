import { proxy_set_effective_context } from "../abi/hostcalls";
import { beginEpoch } from "../hostcalls/epoch";
import { Root } from "./root";

/** What has happened to a stream, as bits: what the guards of its methods look at. */
export const enum StreamState {
  None = 0,
  /** One object serves every stream of the root, so nothing may be kept in it. */
  Shared = 1,
  RequestPaused = 2,
  ResponsePaused = 4,
  LocalResponseSent = 8,
  Closed = 16,
  /** `on_log` or `on_done` came: most hostcalls would now crash Envoy. */
  Ended = 32,
  /** An object of its own, in a module that has none for streams that are not held back. */
  Held = 64,
}

/**
 * What lives as long as one HTTP stream or TCP connection. Objects come from a pool of their root and are used again: a subclass forgets
 * in {@link Stream.reset} what it kept, and makes no managed object while it handles a stream.
 */
export abstract class Stream {
  /** The host's id of the stream that this object serves now. */
  contextId: u32 = 0;
  /** @internal */
  state: u32 = StreamState.None;
  /** @internal Which bits of `state` outlive a callback: all, or only {@link StreamState.Shared}. */
  keptState: u32 = 0xffff_ffff;
  /** @internal Place in the root's timers; -1 while no timer runs. */
  timerIndex: i32 = -1;
  /** @internal Nanoseconds of the monotonic clock. */
  deadline: u64 = 0;
  private owner: Root | null = null;

  /** The root context whose configuration this stream began with; it stays the same when a newer one arrives. */
  @inline
  get root(): Root {
    return this.owner as Root;
  }

  /** @internal */
  begin(contextId: u32, root: Root): void {
    this.contextId = contextId;
    this.owner = root;
    this.state &= StreamState.Shared;
    this.reset();
  }

  /** Called before each use: forget the stream before. */
  reset(): void {}

  /** The end, for access logs: every attribute is readable, nothing can be changed. */
  onLog(): void {}

  /** The stream is done. After this only {@link reset} follows. */
  onDone(): void {}

  /** Called when the time of {@link callAfter} has come, with this stream as the effective context. */
  onTimer(): void {}

  /**
   * Calls {@link onTimer} once, not before `milliseconds` have passed; a second call replaces the first. The root ticks only while some
   * stream waits. Returns `false`, and does nothing, for a stream that ended or is shared (the module has no per-stream state).
   */
  callAfter(milliseconds: u32): bool {
    if (this.state & (StreamState.Ended | StreamState.Shared)) return false;
    this.root.timers.start(this, milliseconds);
    return true;
  }

  cancelTimer(): void {
    if (this.timerIndex >= 0) this.root.timers.cancel(this);
  }

  /** @internal Makes hostcalls act on this stream. `false` where the host no longer knows it. */
  enter(): bool {
    beginEpoch();
    return proxy_set_effective_context(this.contextId) == 0;
  }

  get hasEnded(): bool {
    return (this.state & StreamState.Ended) != 0;
  }

  /** @internal */
  end(): void {
    this.state |= StreamState.Ended;
    this.cancelTimer();
  }
}
