import { Status } from "./abi/enums.ts";
import type { Cluster } from "./clusters.ts";
import type { Context } from "./context.ts";
import { HostError } from "./errors.ts";
import { readGrpcService } from "./foreign/messages.ts";
import { GrpcCallout, NO_HEALTHY_UPSTREAM } from "./grpc-callout.ts";
import type { HeaderMap } from "./header-map.ts";
import type { Worker } from "./host.ts";
import { HttpCallout } from "./http-callout.ts";
import type { Vm } from "./vm.ts";

const UNAVAILABLE = 14;

/** What a filter sends with `proxy_http_call`. `timeout` in milliseconds; 0 is none. */
export interface HttpCallRequest {
  readonly cluster: string;
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  readonly trailers: HeaderMap;
  readonly timeout: number;
}

export interface GrpcRequest {
  /** A serialised `GrpcService` or the name of a cluster. */
  readonly grpcService: Uint8Array;
  readonly service: string;
  readonly method: string;
  readonly metadata: HeaderMap;
}

/**
 * Calls that filters of one worker have made and that no one has answered. A cluster's handler answers at once; without one the test does:
 *
 * ```ts
 * const [call] = host.worker.callouts.pending;
 * call.respond({ status: 200, body: "{}" });
 * ```
 */
export class Callouts {
  private readonly worker: Worker;
  private readonly http_ = new Set<HttpCallout>();
  private readonly grpc_ = new Set<GrpcCallout>();

  constructor(worker: Worker) {
    this.worker = worker;
  }

  /** HTTP callouts in the order they were sent. */
  get pending(): HttpCallout[] {
    return [...this.http_];
  }

  /** gRPC calls and streams in the order they were begun. */
  get pendingGrpc(): GrpcCallout[] {
    return [...this.grpc_];
  }

  /** The token, or a status as a negative number. */
  http(root: Context, request: HttpCallRequest): number {
    const cluster = this.worker.host.clusters.get(request.cluster);
    if (cluster === undefined) return -Status.BadArgument;
    for (const name of [":path", ":method", ":authority"]) {
      if (!request.headers.has(name)) return -Status.BadArgument;
    }
    if (request.body.length > 0) request.headers.assign("content-length", String(request.body.length));
    const token = root.vm.nextCalloutId(0);
    // Envoy's client answers 503 within the call; the call fails and its answer finds no one.
    if (cluster.health === "no-host") return -Status.InternalFailure;
    const callout: HttpCallout = new HttpCallout(this.worker, root, token, request, () => this.http_.delete(callout));
    this.http_.add(callout);
    if (cluster.health === "refused") callout.refuse();
    else callout.start(cluster.http);
    return token;
  }

  grpcCall(root: Context, request: GrpcRequest, message: Uint8Array, timeout: number): number {
    const cluster = this.grpcCluster(request);
    if (cluster === "unknown-name") return -Status.ParseFailure;
    const token = root.vm.nextCalloutId(1);
    const callout: GrpcCallout = new GrpcCallout(this.worker, root, token, request, "unary", () => this.grpc_.delete(callout));
    // The close is put off, and comes with a token that the filter was never given.
    const failure = cluster === "unknown" ? "Cluster not available" : cluster.health === "no-host" ? NO_HEALTHY_UPSTREAM : undefined;
    if (cluster === "unknown" || failure !== undefined) {
      root.vm.after(() => callout.deliverClose(UNAVAILABLE, failure ?? ""));
      return -Status.InternalFailure;
    }
    this.grpc_.add(callout);
    callout.messages.push(message);
    callout.start(cluster.grpc, timeout);
    return token;
  }

  grpcStream(root: Context, request: GrpcRequest): number {
    const cluster = this.grpcCluster(request);
    if (cluster === "unknown-name") return -Status.ParseFailure;
    const token = root.vm.nextCalloutId(2);
    const callout: GrpcCallout = new GrpcCallout(this.worker, root, token, request, "stream", () => this.grpc_.delete(callout));
    if (cluster === "unknown") {
      root.vm.after(() => callout.deliverClose(UNAVAILABLE, "Cluster not available"));
      return -Status.InternalFailure;
    }
    callout.handler = cluster.grpc;
    if (cluster.health === "no-host") {
      callout.failInside();
      return -Status.InternalFailure;
    }
    this.grpc_.add(callout);
    return token;
  }

  grpcSend(root: Context, token: number, message: Uint8Array, endStream: boolean): number {
    if ((token & 3) !== 2) return Status.BadArgument;
    const callout = this.findGrpc(root, token);
    if (callout === undefined) return Status.NotFound;
    callout.receive(message, endStream);
    return Status.Ok;
  }

  grpcClose(root: Context, token: number): number {
    return this.endGrpc(root, token, "close");
  }

  grpcCancel(root: Context, token: number): number {
    return this.endGrpc(root, token, "cancel");
  }

  private endGrpc(root: Context, token: number, how: "close" | "cancel"): number {
    if ((token & 3) !== 1 && (token & 3) !== 2) return Status.BadArgument;
    const callout = this.findGrpc(root, token);
    if (callout === undefined) return Status.NotFound;
    if (how === "close" && callout.kind === "stream") callout.closeLocally();
    else callout.drop();
    return Status.Ok;
  }

  private findGrpc(root: Context, token: number): GrpcCallout | undefined {
    return [...this.grpc_].find((callout) => callout.root === root && callout.token === token);
  }

  /** A message may name a cluster that does not exist: the call begins, and fails. */
  private grpcCluster(request: GrpcRequest): Cluster | "unknown" | "unknown-name" {
    const { cluster, form } = readGrpcService(request.grpcService);
    if (form === "unset") {
      throw new HostError(
        "would-crash-envoy",
        "a gRPC call to a GrpcService without a target ends Envoy (panic: unset oneof). Empty bytes are such a message: name a cluster.",
      );
    }
    return this.worker.host.clusters.get(cluster) ?? (form === "name" ? "unknown-name" : "unknown");
  }

  /** A VM died: what it had sent is lost, and no callback comes. */
  dropVm(vm: Vm): void {
    for (const callout of [...this.http_, ...this.grpc_]) if (callout.root.vm === vm) callout.drop();
  }

  dropContext(root: Context): void {
    for (const callout of [...this.http_, ...this.grpc_]) if (callout.root === root) callout.drop();
  }
}
