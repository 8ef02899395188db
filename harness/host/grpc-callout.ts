import type { GrpcAnswer, GrpcHandler } from "./clusters.ts";
import type { GrpcRequest } from "./callouts.ts";
import type { Timer } from "./clock.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import type { CallbackName } from "./callbacks.ts";
import type { Context } from "./context.ts";
import { HeaderMap } from "./header-map.ts";
import { readGrpcService } from "./foreign/messages.ts";
import type { Worker } from "./host.ts";

const INITIAL_METADATA = [
  [":status", "200"],
  ["content-type", "application/grpc"],
] as const;

/** @internal What `proxy_get_status` tells of a cluster without a healthy host. */
export const NO_HEALTHY_UPSTREAM = "no healthy upstream{no_healthy_upstream}";

const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;

/**
 * One gRPC call or stream of a filter. A unary call ends with one message (`on_grpc_receive` and no more) or with one failure
 * (`on_grpc_close` and no more); a stream brings metadata, messages, trailing metadata and a close.
 */
export class GrpcCallout {
  readonly root: Context;
  readonly token: number;
  readonly kind: "unary" | "stream";
  readonly service: string;
  readonly method: string;
  readonly authority: string;
  readonly metadata: ReadonlyArray<readonly [string, string]>;
  /** What the filter sent, oldest first. */
  readonly messages: Uint8Array[] = [];
  /** The filter has ended its side. */
  localClosed = false;
  /** @internal Of a stream: answers when the filter has ended its side. */
  handler: GrpcHandler | undefined;
  private remoteClosed = false;
  private readonly worker: Worker;
  private readonly forget: () => void;
  private timer: Timer | undefined;
  private dropped = false;

  /** @internal Made by `Callouts`. */
  constructor(worker: Worker, root: Context, token: number, request: GrpcRequest, kind: "unary" | "stream", forget: () => void) {
    this.worker = worker;
    this.root = root;
    this.token = token;
    this.kind = kind;
    this.service = request.service;
    this.method = request.method;
    this.authority = readGrpcService(request.grpcService).authority;
    this.metadata = request.metadata.toList();
    this.forget = forget;
  }

  /** @internal */
  start(handler: GrpcHandler | undefined, timeout: number): void {
    if (timeout > 0) this.timer = this.worker.schedule(timeout, () => this.close(DEADLINE_EXCEEDED, "upstream request timeout", [], ""));
    const { service, method, authority } = this;
    const answer = handler?.({ service, method, authority, message: this.messages[0] ?? new Uint8Array(0) });
    if (answer !== undefined) this.respond(answer);
  }

  /** Ends a unary call: with a message where the status is 0, else with the failure. */
  respond(answer: GrpcAnswer): void {
    const deliver = () => {
      const status = answer.status ?? 0;
      if (status === 0) this.deliverMessage(answer.message ?? new Uint8Array(0));
      else this.deliverClose(status, withDetails(answer.statusMessage, answer.details));
    };
    if ((answer.delay ?? 0) > 0) this.worker.schedule(answer.delay ?? 0, deliver);
    else this.worker.dispatcher.post(deliver);
  }

  /** The server's initial metadata; streams only. */
  sendInitialMetadata(metadata: ReadonlyArray<readonly [string, string]>): void {
    this.worker.dispatcher.post(() => this.deliverInitialMetadata(HeaderMap.from("response", metadata)));
  }

  /** A message from the server. */
  sendMessage(message: string | Uint8Array): void {
    const bytes = typeof message === "string" ? Buffer.from(message) : message;
    this.worker.dispatcher.post(() => this.deliverMessage(bytes));
  }

  /** The server ends the stream: trailing metadata, then the close. */
  close(status: number, statusMessage = "", trailers: ReadonlyArray<readonly [string, string]> = [], details?: string): void {
    this.worker.dispatcher.post(() => {
      if (this.kind === "stream") {
        const all: Array<readonly [string, string]> = [
          ["grpc-status", String(status)],
          ...(statusMessage === "" ? [] : [["grpc-message", statusMessage] as const]),
          ...trailers,
        ];
        this.deliverTrailingMetadata(HeaderMap.from("response-trailers", all));
      }
      this.deliverClose(status, withDetails(statusMessage, details));
    });
  }

  /** @internal A message from the filter. */
  receive(message: Uint8Array, endStream: boolean): void {
    this.messages.push(message);
    if (endStream) this.answerStream();
  }

  /** @internal `proxy_grpc_close` of a stream: half-closed until the server ends it too. */
  closeLocally(): void {
    this.answerStream();
    if (this.remoteClosed) this.drop();
  }

  private answerStream(): void {
    if (this.localClosed) return;
    this.localClosed = true;
    const { service, method, authority } = this;
    const answer = this.handler?.({ service, method, authority, message: Buffer.concat(this.messages) });
    if (answer === undefined) return;
    const deliver = () => {
      this.sendInitialMetadata(answer.headers ?? INITIAL_METADATA);
      if (answer.message !== undefined) this.sendMessage(answer.message);
      this.close(answer.status ?? 0, answer.statusMessage, answer.trailers, answer.details);
    };
    if ((answer.delay ?? 0) > 0) this.worker.schedule(answer.delay ?? 0, deliver);
    else deliver();
  }

  /** @internal Nothing comes back any more. */
  drop(): void {
    this.dropped = true;
    this.timer?.cancel();
    this.forget();
  }

  /** @internal The cluster has no host: the metadata callbacks run inside the hostcall, the close after it. */
  failInside(): void {
    this.deliverInitialMetadata(new HeaderMap("response"));
    this.deliverTrailingMetadata(
      HeaderMap.from("response-trailers", [
        [":status", "200"],
        ["content-type", "application/grpc"],
        ["grpc-status", String(UNAVAILABLE)],
        ["grpc-message", "no healthy upstream"],
      ]),
    );
    this.root.vm.after(() => this.deliverClose(UNAVAILABLE, NO_HEALTHY_UPSTREAM));
  }

  private deliverInitialMetadata(metadata: HeaderMap): void {
    this.root.grpcInitialMetadata = metadata;
    this.callBack("proxy_on_grpc_receive_initial_metadata", metadata.size);
    this.root.grpcInitialMetadata = undefined;
  }

  private deliverTrailingMetadata(metadata: HeaderMap): void {
    this.root.grpcTrailingMetadata = metadata;
    this.callBack("proxy_on_grpc_receive_trailing_metadata", metadata.size);
    this.root.grpcTrailingMetadata = undefined;
  }

  private deliverMessage(message: Uint8Array): void {
    this.root.grpcMessage = ByteBuffer.of(message);
    this.callBack("proxy_on_grpc_receive", message.length);
    this.root.grpcMessage = undefined;
    if (this.kind === "unary") this.drop();
  }

  /** @internal */
  deliverClose(status: number, message: string): void {
    this.remoteClosed = true;
    this.root.statusCode = status;
    this.root.statusMessage = message;
    this.callBack("proxy_on_grpc_close", status);
    this.root.statusMessage = "";
    if (this.kind === "unary" || this.localClosed) this.drop();
  }

  private callBack(name: CallbackName, word: number): void {
    const { root } = this;
    const callback = root.vm.callbacks[name];
    if (callback === undefined || this.dropped || root.failed || root.phase === "deleted") return;
    root.vm.call(name, callback, root, root.id, this.token, word);
    root.vm.endCall();
  }
}

/** The message of a call's end as `proxy_get_status` tells it: Envoy appends its details of the response. */
function withDetails(message = "", details = "via_upstream"): string {
  return message === "" ? details : details === "" ? message : `${message}{${details}}`;
}
