import { CloseType } from "./abi/enums.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import type { FilterChain } from "./filter-chain.ts";
import { streamInfo, type StreamOptions } from "./http-stream.ts";
import type { PluginHandle } from "./plugin-handle.ts";
import type { StreamInfo } from "./stream-info.ts";
import { TcpContext } from "./tcp-context.ts";

/** One TCP connection through network filters: the test is the client on one side and the server on the other. */
export class TcpStream {
  readonly info: StreamInfo;
  /** Why the connection was closed; `undefined` while it is open. */
  closeReason: string | undefined;
  /** What reached the server, and what reached the client. */
  readonly toServer = new ByteBuffer();
  readonly toClient = new ByteBuffer();
  /** Whether the server was told that the client sends no more, and the client that the server does not. */
  serverEnded = false;
  clientEnded = false;
  private readonly contexts: readonly TcpContext[];
  private readonly chain: FilterChain;
  private readonly limit: number;
  private readonly waiting = new ByteBuffer();
  /** What the client sent or did while that {@link isFull}. */
  private readonly unread = new ByteBuffer();
  private unreadEnd = false;
  private unreadReset = false;
  /** What the server sent and a filter stopped: it comes again with what follows. */
  private readonly waitingForClient = new ByteBuffer();
  private stoppedAt: number | undefined;
  private endOfClient = false;
  private asked: number;
  private readonly cluster: string | undefined;

  /** @internal Use `FilterChain.openConnection`. */
  constructor(chain: FilterChain, plugins: readonly PluginHandle[], options: StreamOptions) {
    this.chain = chain;
    this.limit = chain.bufferLimitOf("");
    this.info = streamInfo(chain, options);
    this.info.protocol = "";
    this.cluster = options.cluster;
    const contexts: TcpContext[] = [];
    for (const plugin of plugins) {
      const local = plugin.reloaded(chain.worker);
      if (local.vm.failure !== undefined) {
        if (local.plugin.failurePolicy !== "FAIL_OPEN") this.closeReason = "wasm_fail_stream";
        continue;
      }
      const context = new TcpContext(local.vm, local.vm.nextContextId(), local.root, local.plugin);
      local.vm.contexts.set(context.id, context);
      const index = contexts.length;
      context.setCallbacks({
        streamInfo: this.info,
        continueReading: () => this.continueFrom(index),
        close: (reason) => this.close(reason),
      });
      contexts.push(context);
    }
    this.contexts = contexts;
    this.asked = 0;
    if (this.closeReason === undefined) this.connect();
  }

  /** Whether there is a connection to the server: no filter closed the client's, or holds it back. */
  get connected(): boolean {
    return this.info.attempts > 0;
  }

  private connect(): void {
    while (this.asked < this.contexts.length && this.closeReason === undefined) {
      const index = this.asked++;
      if (this.contexts[index]?.onNewConnection() === false) {
        this.stoppedAt = index;
        return;
      }
    }
    this.connectUpstream();
  }

  /** Behind the last filter stands Envoy's tcp_proxy, which takes the cluster when the connection has come there. */
  private connectUpstream(): void {
    if (this.connected || this.closeReason !== undefined) return;
    this.info.attempts = 1;
    this.info.cluster = this.cluster;
  }

  /** The client sends bytes; `endStream`: it sends no more. */
  send(data: string | Uint8Array, endStream = false): void {
    if (this.closeReason !== undefined) return;
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.unread.add(bytes);
    this.unreadEnd ||= endStream;
    this.readOn();
  }

  /** Whether more waits for a filter than may be buffered: until it goes on Envoy reads nothing, and sees no end. */
  private get isFull(): boolean {
    return this.waiting.length > this.limit;
  }

  private readOn(): void {
    if (this.closeReason !== undefined || this.isFull) return;
    this.info.bytesReceived += this.unread.length;
    this.waiting.move(this.unread);
    this.endOfClient ||= this.unreadEnd;
    this.read(this.stoppedAt ?? 0);
    if (this.unreadReset) this.disconnect();
  }

  private read(from: number): void {
    for (let i = from; i < this.asked; i++) {
      if (this.closeReason !== undefined) return;
      // A filter that stopped is asked again with all the bytes that came since.
      if (this.contexts[i]?.onData(this.waiting, this.endOfClient) === false) {
        this.stoppedAt = i;
        return;
      }
    }
    this.stoppedAt = undefined;
    // A filter that closed the connection keeps what it saw from going on.
    if (this.closeReason !== undefined || this.asked < this.contexts.length) return;
    this.toServer.move(this.waiting);
    this.serverEnded ||= this.endOfClient;
    if (this.clientEnded && this.serverEnded) this.end("both sides ended", CloseType.Remote);
  }

  private continueFrom(index: number): void {
    if (this.closeReason !== undefined) return;
    this.stoppedAt = undefined;
    this.connect();
    if (this.stoppedAt === undefined && (this.waiting.length > 0 || this.endOfClient)) this.read(index + 1);
    if (this.unread.length > 0 || this.unreadReset || this.unreadEnd !== this.endOfClient)
      this.chain.worker.dispatcher.post(() => this.readOn());
  }

  /** The server sends bytes; `endStream`: it sends no more. When both sides have ended theirs, Envoy closes the connection. */
  receive(data: string | Uint8Array, endStream = false): void {
    if (this.closeReason !== undefined) return;
    const buffer = this.waitingForClient;
    buffer.add(typeof data === "string" ? Buffer.from(data) : data);
    for (const context of this.contexts.toReversed()) {
      if (!context.onWrite(buffer, endStream)) return;
      if (this.closeReason !== undefined) return;
    }
    this.info.bytesSent += buffer.length;
    this.toClient.move(buffer);
    this.clientEnded ||= endStream;
    if (endStream && this.endOfClient) this.close("both sides ended");
  }

  /** The client closes its connection. */
  disconnect(): void {
    this.unreadReset = this.isFull;
    if (!this.isFull) this.end("remote", CloseType.Remote);
  }

  private close(reason: string): void {
    this.end(reason, CloseType.Local);
  }

  private end(reason: string, type: number): void {
    if (this.closeReason !== undefined) return;
    this.closeReason = reason;
    for (const context of this.contexts) context.onDownstreamClose(type);
  }
}
