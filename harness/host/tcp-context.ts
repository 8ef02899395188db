import { BufferType, CloseType, NetworkStatus, Status, StreamType } from "./abi/enums.ts";
import type { ByteBuffer } from "./byte-buffer.ts";
import { Context } from "./context.ts";
import type { StreamInfo } from "./stream-info.ts";

/** What a network filter may do to its connection. */
export interface ConnectionCallbacks {
  readonly streamInfo: StreamInfo;
  continueReading(): void;
  close(reason: string): void;
}

/** The stream context of a network filter: Envoy's `Context` as `ReadFilter` and `WriteFilter`. */
export class TcpContext extends Context {
  private callbacks: ConnectionCallbacks | undefined;
  private downstreamData: ByteBuffer | undefined;
  private upstreamData: ByteBuffer | undefined;
  private downstreamClosed = false;
  private ended = false;

  setCallbacks(callbacks: ConnectionCallbacks): void {
    this.callbacks = callbacks;
    this.root.liveStreams++;
  }

  override get streamInfo(): StreamInfo | undefined {
    return this.callbacks?.streamInfo;
  }

  /** True: goes on. */
  onNewConnection(): boolean {
    this.create();
    return this.network("proxy_on_new_connection");
  }

  onData(data: ByteBuffer, endStream: boolean): boolean {
    if (!this.createdInVm) return true;
    this.downstreamData = data;
    const goesOn = this.network("proxy_on_downstream_data", data.length, endStream);
    if (goesOn) this.downstreamData = undefined;
    return goesOn;
  }

  onWrite(data: ByteBuffer, endStream: boolean): boolean {
    if (!this.createdInVm) return true;
    this.upstreamData = data;
    const goesOn = this.network("proxy_on_upstream_data", data.length, endStream);
    if (goesOn) this.upstreamData = undefined;
    // Envoy takes the end of the stream for the upstream's close: it does not see that connection.
    if (endStream) this.onUpstreamClose();
    return goesOn;
  }

  private network(
    name: "proxy_on_new_connection" | "proxy_on_downstream_data" | "proxy_on_upstream_data",
    size = 0,
    endStream = false,
  ): boolean {
    if (this.failed) return this.failConnection();
    const callback = this.vm.callbacks[name];
    if (callback === undefined) return true;
    const result = this.vm.call(name, callback, this, this.id, size, endStream ? 1 : 0);
    if (this.failed) return this.failConnection();
    this.vm.endCall();
    return result === NetworkStatus.Continue;
  }

  private failConnection(): false {
    this.vm.endCall();
    this.callbacks?.close("wasm_fail_stream");
    return false;
  }

  onDownstreamClose(type: number): void {
    if (!this.createdInVm) return;
    this.closed("proxy_on_downstream_connection_close", type);
    this.downstreamClosed = true;
    this.finish();
  }

  private onUpstreamClose(): void {
    this.closed("proxy_on_upstream_connection_close", CloseType.Unknown);
    if (this.downstreamClosed) this.finish();
  }

  private closed(name: "proxy_on_downstream_connection_close" | "proxy_on_upstream_connection_close", type: number): void {
    const callback = this.vm.callbacks[name];
    if (callback === undefined || this.failed) return;
    this.vm.call(name, callback, this, this.id, type);
    this.vm.endCall();
  }

  /** Unlike HTTP the order is done, log, delete. */
  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.onDone();
    this.onLog();
    this.onDelete();
    if (--this.root.liveStreams === 0) this.root.drained?.();
  }

  protected override findBuffer(type: number): ByteBuffer | Uint8Array | undefined {
    if (type === BufferType.NetworkDownstreamData) return this.downstreamData ?? new Uint8Array(0);
    if (type === BufferType.NetworkUpstreamData) return this.upstreamData ?? new Uint8Array(0);
    return super.findBuffer(type);
  }

  override continueStream(type: number): number {
    if (type === StreamType.Upstream) return Status.Unimplemented;
    if (type === StreamType.Downstream) this.vm.after(() => this.callbacks?.continueReading());
    return Status.Ok;
  }

  override closeStream(type: number): number {
    if (type === StreamType.Downstream) this.vm.after(() => this.callbacks?.close("wasm_downstream_close"));
    if (type === StreamType.Upstream) this.vm.after(() => this.callbacks?.close("wasm_upstream_close"));
    return Status.Ok;
  }
}
