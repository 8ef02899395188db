import { Bytes, Text } from "../../lib/bytes";
import { Stream, StreamState } from "./stream";
import { Timers } from "./timers";

/**
 * One configuration of a filter: a root context of the host. A VM can hold several, of several plugins, and an old one beside the new one
 * that replaces it, until its last stream has ended. Objects made while it configures itself live as long as it does.
 */
export abstract class Root {
  /** The host's id of this root context. */
  contextId: u32 = 0;
  /** @internal */
  timers: Timers = changetype<Timers>(0);
  /** Envoy's `PluginConfig.name`. */
  pluginName: Text = changetype<Text>(0);
  private readonly pool: Array<Stream> = new Array<Stream>();
  private shared: Stream | null = null;

  /** @internal */
  begin(contextId: u32, pluginName: Text): void {
    this.contextId = contextId;
    this.pluginName = pluginName;
    this.timers = new Timers(contextId);
  }

  /**
   * Makes this root one of several filters of `composite`, in whose context it acts and whose ticks it shares. Its streams are members of `composite`'s
   * streams: see {@link HttpStream.composite}.
   */
  beginWithin(composite: Root): void {
    this.contextId = composite.contextId;
    this.pluginName = composite.pluginName;
    this.timers = composite.timers;
  }

  /**
   * Takes the configuration, or says in one line what is wrong with it and where; then Envoy keeps what it had, or does not start. `null` accepts.
   * `configuration` is a view that ends with the call. Never half: what is refused leaves the object as it was.
   */
  abstract configure(configuration: Bytes): string | null;

  /** Makes the object of a stream. Called when the pool is empty: an {@link HttpStream} or a {@link TcpStream}, as the module is used. */
  abstract createStream(): Stream;

  /** The VM started; `configuration` is that of the VM. `false` refuses it. */
  onVmStart(configuration: Bytes): bool {
    return true;
  }

  /** Called every period of {@link tickEvery}. On the main thread too, where no request is seen: what must happen once needs a lease. */
  onTick(): void {}

  /** A queue that this VM registered has a value. */
  onQueueReady(queueId: u32): void {}

  onForeignFunction(functionId: u32, argumentsSize: i32): void {}

  /**
   * The configuration is no longer used and its last stream has ended. In a module without per-stream state (`exports/stateless`) the host no longer has its context then, so that
   * hostcalls act on another: it comes with the next configuration, or within some hundred streams.
   */
  onDelete(): void {}

  /** Calls {@link onTick} every `milliseconds`; 0 stops. */
  tickEvery(milliseconds: u32): void {
    this.timers.every(this, milliseconds);
  }

  /** @internal */
  acquire(contextId: u32): Stream {
    const stream = this.pool.length > 0 ? this.pool.pop() : this.createStream();
    stream.begin(contextId, this);
    return stream;
  }

  /** @internal */
  release(stream: Stream): void {
    this.pool.push(stream);
  }

  /** @internal The one object of a module without per-stream state. */
  acquireShared(): Stream {
    if (this.shared == null) {
      const stream = this.createStream();
      stream.state = StreamState.Shared;
      stream.keptState = StreamState.Shared;
      stream.begin(0, this);
      this.shared = stream;
    }
    return this.shared as Stream;
  }
}
