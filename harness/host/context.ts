import { BufferType, HeaderMapType, Status, StreamType } from "./abi/enums.ts";
import type { ByteBuffer } from "./byte-buffer.ts";
import type { WasmFunction } from "./callbacks.ts";
import { HostError } from "./errors.ts";
import type { HeaderMap } from "./header-map.ts";
import type { Plugin } from "./plugin.ts";
import type { PropertyDeclaration, StreamInfo } from "./stream-info.ts";
import type { Vm } from "./vm.ts";

/** The phases in which some hostcalls would bring Envoy down. */
export type Phase = "created" | "running" | "log" | "done" | "deleted";

/**
 * What hostcalls see of a root, a stream or a connection: Envoy's `Context`. This class is the root context and the base of the others
 * (`HttpContext`, `TcpContext`), which override what only they have.
 */
export class Context {
  readonly vm: Vm;
  readonly id: number;
  /** Of a root context: itself. */
  readonly root: Context;
  readonly plugin: Plugin | undefined;
  readonly logPrefix: string;
  phase: Phase = "created";
  /** Whether `proxy_on_context_create` was called (or would have been, where it is not exported). */
  createdInVm = false;

  // Set while the callback that may read it runs.
  pluginConfiguration: Uint8Array | undefined;
  callData: ByteBuffer | undefined;
  private lastBuffer: ByteBuffer | Uint8Array = new Uint8Array(0);
  callResponseHeaders: HeaderMap | undefined;
  callResponseBody: ByteBuffer | undefined;
  callResponseTrailers: HeaderMap | undefined;
  grpcInitialMetadata: HeaderMap | undefined;
  grpcTrailingMetadata: HeaderMap | undefined;
  grpcMessage: ByteBuffer | undefined;

  /** What `proxy_get_status` returns: of the last callout that failed. */
  statusCode = 0;
  statusMessage = "";

  /** Properties that `declare_property` declared, by name; of the root only. */
  readonly declaredProperties = new Map<string, PropertyDeclaration>();
  /** Streams of this root that still live: it may go only after the last of them. */
  liveStreams = 0;
  drained: (() => void) | undefined;

  constructor(vm: Vm, id: number, root: Context | undefined, plugin: Plugin | undefined) {
    this.vm = vm;
    this.id = id;
    this.root = root ?? this;
    this.plugin = plugin;
    // A root logs without the plugin's name: it may serve several.
    this.logPrefix = root !== undefined ? (plugin?.logPrefix ?? "") : [plugin?.rootId, vm.config.vmId].filter((part) => part).join(" ");
  }

  get isRoot(): boolean {
    return this.root === this;
  }

  get failed(): boolean {
    return this.vm.failure !== undefined;
  }

  // --- Life ---------------------------------------------------------------------------------------------------------------------

  /** `proxy_on_context_create`, once. */
  create(): void {
    if (this.createdInVm) return;
    this.phase = "running";
    const callback = this.vm.callbacks.proxy_on_context_create;
    if (callback !== undefined && !this.failed) this.callCreate(callback);
    // Behind what was put off: a stream that ends of it is created once more for its log.
    this.createdInVm = true;
  }

  private callCreate(callback: WasmFunction): void {
    // A root may read the configuration of its plugin here, before `proxy_on_configure` (`ContextBase::onStart`).
    if (this.isRoot) this.pluginConfiguration = this.plugin?.configuration;
    this.vm.call("proxy_on_context_create", callback, this, this.id, this.isRoot ? 0 : this.root.id);
    this.pluginConfiguration = undefined;
    // A root's next callback is `proxy_on_vm_start`; what was put off comes after both.
    if (!this.isRoot) this.vm.endCall();
  }

  /** Creates a root context and runs `proxy_on_vm_start`. False where it returned false or trapped. */
  onVmStart(): boolean {
    this.create();
    const callback = this.vm.callbacks.proxy_on_vm_start;
    if (callback === undefined || this.failed) {
      this.vm.endCall();
      return !this.failed;
    }
    const started = this.vm.call("proxy_on_vm_start", callback, this, this.id, this.vm.config.configuration.length) !== 0;
    this.vm.endCall();
    return started && !this.failed;
  }

  /** False where `proxy_on_configure` returned false or trapped. */
  onConfigure(configuration: Uint8Array): boolean {
    this.create();
    const callback = this.vm.callbacks.proxy_on_configure;
    if (callback === undefined || this.failed) return !this.failed;
    this.pluginConfiguration = configuration;
    const configured = this.vm.call("proxy_on_configure", callback, this, this.id, configuration.length) !== 0;
    this.pluginConfiguration = undefined;
    this.vm.endCall();
    return configured && !this.failed;
  }

  onTick(): void {
    const callback = this.vm.callbacks.proxy_on_tick;
    if (callback === undefined || this.failed) return;
    this.vm.call("proxy_on_tick", callback, this, this.id);
    this.vm.endCall();
  }

  onQueueReady(token: number): void {
    const callback = this.vm.callbacks.proxy_on_queue_ready;
    if (callback === undefined || this.failed) return;
    this.vm.call("proxy_on_queue_ready", callback, this, this.id, token);
    this.vm.endCall();
  }

  onForeignFunction(functionId: number, data: ByteBuffer): void {
    const callback = this.vm.callbacks.proxy_on_foreign_function;
    if (callback === undefined || this.failed) return;
    this.callData = data;
    this.vm.call("proxy_on_foreign_function", callback, this, this.id, functionId, data.length);
    this.callData = undefined;
    this.vm.endCall();
  }

  /** False: the context wants to live on until it calls `proxy_done`. Only roots can. */
  onDone(): boolean {
    this.phase = "done";
    const callback = this.vm.callbacks.proxy_on_done;
    if (callback === undefined || this.failed) return true;
    const done = this.vm.call("proxy_on_done", callback, this, this.id) !== 0;
    this.vm.endCall();
    return done || this.failed;
  }

  onLog(): void {
    this.phase = "log";
    const callback = this.vm.callbacks.proxy_on_log;
    if (callback === undefined || this.failed) return;
    this.vm.call("proxy_on_log", callback, this, this.id);
    this.vm.endCall();
  }

  /** Ends the context: its id is free, callouts that were sent for it are dropped. */
  onDelete(): void {
    this.phase = "deleted";
    const callback = this.vm.callbacks.proxy_on_delete;
    if (callback !== undefined && !this.failed && this.createdInVm) {
      this.vm.call("proxy_on_delete", callback, this, this.id);
      this.vm.endCall();
    }
    this.vm.contexts.delete(this.id);
    if (this.isRoot) {
      this.vm.worker.callouts.dropContext(this);
      this.vm.timers.get(this.id)?.timer?.cancel();
      this.vm.timers.delete(this.id);
    }
  }

  // --- What hostcalls ask ----------------------------------------------------------------------------------------------------------

  /** The stream's facts; `undefined` in a root context. */
  get streamInfo(): StreamInfo | undefined {
    return undefined;
  }

  /** Whether this is the log of a request: a map that is not there is then an empty one. */
  get logsHeaders(): boolean {
    return false;
  }

  /** A map that may be read now; `undefined` where there is none. */
  readableMap(type: number): HeaderMap | undefined {
    switch (type) {
      case HeaderMapType.GrpcReceiveInitialMetadata:
        return this.root.grpcInitialMetadata;
      case HeaderMapType.GrpcReceiveTrailingMetadata:
        return this.root.grpcTrailingMetadata;
      case HeaderMapType.HttpCallResponseHeaders:
        return this.root.callResponseHeaders;
      case HeaderMapType.HttpCallResponseTrailers:
        return this.root.callResponseTrailers;
      default:
        return undefined;
    }
  }

  /** A map that may be changed now. */
  writableMap(_type: number): HeaderMap | undefined {
    return undefined;
  }

  /** Called after a map was changed: a change of request headers clears the route cache. */
  onHeadersModified(_type: number): void {}

  clearRouteCache(): void {}

  /** A buffer that may be read now. What a hostcall asked for last is what `CallData` gives in the next one: Envoy has one variable for both. */
  buffer(type: number): ByteBuffer | Uint8Array | undefined {
    if (type === BufferType.CallData) return this.callData ?? this.lastBuffer;
    const buffer = this.findBuffer(type);
    if (buffer !== undefined) this.lastBuffer = buffer;
    return buffer;
  }

  protected findBuffer(type: number): ByteBuffer | Uint8Array | undefined {
    switch (type) {
      case BufferType.VmConfiguration:
        return this.vm.config.configuration;
      case BufferType.PluginConfiguration:
        return this.pluginConfiguration;
      case BufferType.HttpCallResponseBody:
        return this.root.callResponseBody?.bytes();
      case BufferType.GrpcReceiveBuffer:
        return this.root.grpcMessage ?? new Uint8Array(0);
      default:
        // Envoy hands out an empty buffer for a body or data that is not there now.
        return type <= BufferType.NetworkUpstreamData ? new Uint8Array(0) : undefined;
    }
  }

  continueStream(type: number): number {
    return type === StreamType.Upstream ? Status.Unimplemented : Status.Ok;
  }

  closeStream(_type: number): number {
    return Status.Ok;
  }

  sendLocalResponse(_response: LocalResponse): number {
    return Status.Ok;
  }

  /** Fails the test for what would end or corrupt Envoy. */
  protected refuse(code: "would-crash-envoy" | "would-corrupt-response", message: string): never {
    throw new HostError(code, `${this.plugin?.name ?? "plugin"}, context ${this.id}: ${message}`);
  }
}

/** What a filter answers itself. Byte strings, names in lower case. */
export interface LocalResponse {
  readonly status: number;
  readonly details: string;
  readonly body: Uint8Array;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  /** `undefined` where the filter gave -1 or a number that is no gRPC status: Envoy maps the HTTP status then. */
  readonly grpcStatus: number | undefined;
}
