import type { CalloutAnswer, CalloutRequest } from "../target/index.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import type { HttpCallRequest } from "./callouts.ts";
import type { HttpHandler } from "./clusters.ts";
import type { Timer } from "./clock.ts";
import type { Context } from "./context.ts";
import { HeaderMap } from "./header-map.ts";
import type { Worker } from "./host.ts";

const BROKEN_CONNECTION = 11;

/** One `proxy_http_call` that waits for its answer. */
export class HttpCallout {
  readonly root: Context;
  readonly token: number;
  readonly cluster: string;
  /** As the server would see it. */
  readonly request: CalloutRequest;
  private readonly worker: Worker;
  private readonly forget: () => void;
  private readonly timeout: number;
  private timer: Timer | undefined;
  private settled = false;

  /** @internal Made by `Callouts`. */
  constructor(worker: Worker, root: Context, token: number, request: HttpCallRequest, forget: () => void) {
    this.worker = worker;
    this.root = root;
    this.token = token;
    this.cluster = request.cluster;
    this.timeout = request.timeout;
    this.request = { headers: request.headers.toList(), body: request.body, trailers: request.trailers.toList() };
    this.forget = forget;
  }

  /** @internal */
  start(handler: HttpHandler | undefined): void {
    if (this.timeout > 0) this.timer = this.worker.schedule(this.timeout, () => this.timedOut());
    if (handler === undefined) return;
    const answer = handler(this.request);
    if (answer === undefined) return;
    if (answer instanceof Promise) {
      answer.then((settled) => this.respond(settled)).catch((error: unknown) => this.respond({ status: 500, body: String(error) }));
    } else {
      this.respond(answer);
    }
  }

  /** Delivers an answer after its `delay`. One that comes after the timeout is dropped. */
  respond(answer: CalloutAnswer): void {
    if ("reset" in answer) {
      // Envoy's client turns a connection that ends without an answer into a response, never before `proxy_http_call` returned.
      this.cut("connection termination");
      return;
    }
    // Envoy's client is a router, which says how long the upstream took.
    const deliver = () =>
      this.finish(
        answer.status,
        [...(answer.headers ?? []), ["x-envoy-upstream-service-time", String(answer.delay ?? 0)]],
        answer.body,
        answer.trailers,
      );
    if ((answer.delay ?? 0) > 0) this.worker.schedule(answer.delay ?? 0, deliver);
    else this.worker.dispatcher.post(deliver);
  }

  /** @internal Nobody listens at the host's port. */
  refuse(): void {
    this.cut("remote connection failure");
  }

  private cut(reason: string): void {
    const body = `upstream connect error or disconnect/reset before headers. reset reason: ${reason}`;
    this.worker.dispatcher.post(() => this.finish(503, [["content-type", "text/plain"]], body, []));
  }

  /** The call fails without any response: the callback comes with no headers, status 11 and the message `reset`. */
  fail(): void {
    this.worker.dispatcher.post(() => {
      if (!this.settle()) return;
      this.root.statusCode = BROKEN_CONNECTION;
      this.root.statusMessage = "reset";
      this.callBack(undefined, 0, undefined);
      this.root.statusMessage = "";
    });
  }

  /** @internal Nothing comes back any more. */
  drop(): void {
    this.settle();
  }

  private timedOut(): void {
    this.finish(504, [["content-type", "text/plain"]], "upstream request timeout", []);
  }

  private finish(
    status: number,
    headers: ReadonlyArray<readonly [string, string]>,
    body: string | Uint8Array | undefined,
    trailers: ReadonlyArray<readonly [string, string]> | undefined,
  ): void {
    if (!this.settle()) return;
    const { root } = this;
    const buffer = bodyBuffer(body);
    const synthetic = status === 503 || status === 504 ? headers : undefined;
    const list: Array<readonly [string, string]> = [
      [":status", String(status)],
      ...(synthetic && body !== undefined ? [["content-length", String(buffer.length)] as const] : []),
      ...headers,
    ];
    root.callResponseHeaders = HeaderMap.from("response", dedupe(list));
    root.callResponseBody = buffer;
    root.callResponseTrailers = trailers === undefined || trailers.length === 0 ? undefined : HeaderMap.from("response-trailers", trailers);
    this.callBack(root.callResponseHeaders, buffer.length, root.callResponseTrailers);
    root.callResponseHeaders = undefined;
    root.callResponseBody = undefined;
    root.callResponseTrailers = undefined;
  }

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.timer?.cancel();
    this.forget();
    return !this.root.failed && this.root.phase !== "deleted";
  }

  private callBack(headers: HeaderMap | undefined, bodySize: number, trailers: HeaderMap | undefined): void {
    const { vm, id } = this.root;
    const callback = vm.callbacks.proxy_on_http_call_response;
    if (callback === undefined) return;
    vm.call("proxy_on_http_call_response", callback, this.root, id, this.token, headers?.size ?? 0, bodySize, trailers?.size ?? 0);
    vm.endCall();
  }
}

/** A header that the answer gives itself stands for the one that was added. */
function dedupe(headers: ReadonlyArray<readonly [string, string]>): Array<readonly [string, string]> {
  const lengths = headers.filter(([name]) => name.toLowerCase() === "content-length");
  return lengths.length < 2 ? [...headers] : headers.filter((header) => header !== lengths[0]);
}

/** Bytes of a body that may be given as text. */
function bodyBuffer(body: string | Uint8Array | undefined): ByteBuffer {
  return ByteBuffer.of(typeof body === "string" ? Buffer.from(body) : (body ?? new Uint8Array(0)));
}
