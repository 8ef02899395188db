import type { CalloutAnswer, CalloutRequest, HeaderList } from "../target/index.ts";

/** Answers HTTP callouts to a cluster, at once or later; `undefined` leaves the callout to the test (`Host.worker.callouts.pending`). */
export type HttpHandler = (request: CalloutRequest) => CalloutAnswer | Promise<CalloutAnswer> | undefined;

/** What a gRPC server says. `status` 0 is OK. */
export interface GrpcAnswer {
  readonly message?: Uint8Array;
  readonly status?: number;
  readonly statusMessage?: string;
  /** Envoy's details of the response, which stand behind the message. Default: `via_upstream`. */
  readonly details?: string;
  /** Initial metadata, which a stream gets to see. Default: `:status` 200 and the content type. */
  readonly headers?: HeaderList;
  /** Trailing metadata besides the status. */
  readonly trailers?: HeaderList;
  /** Milliseconds. Default: 0. */
  readonly delay?: number;
}

/** Answers gRPC callouts, streams when the filter has ended its side (`message` is all that it sent); `undefined` leaves the callout to the test. */
export type GrpcHandler = (call: {
  readonly service: string;
  readonly method: string;
  readonly authority: string;
  readonly message: Uint8Array;
}) => GrpcAnswer | undefined;

export interface Cluster {
  readonly http?: HttpHandler;
  readonly grpc?: GrpcHandler;
  /** `no-host`: no healthy endpoint, or an open circuit breaker. `refused`: nobody listens, of HTTP callouts. Default: `up`. */
  readonly health?: "up" | "no-host" | "refused";
}

/** The clusters that exist: a callout to any other is a bad argument. */
export class ClusterManager {
  private readonly clusters = new Map<string, Cluster>();

  set(name: string, cluster: Cluster = {}): void {
    this.clusters.set(name, cluster);
  }

  delete(name: string): void {
    this.clusters.delete(name);
  }

  names(): string[] {
    return [...this.clusters.keys()];
  }

  get(name: string): Cluster | undefined {
    return this.clusters.get(name);
  }
}
