import type { ExchangeRequest, ExchangeResult } from "./exchange.ts";

/** One proxy-wasm plugin of a chain, in Envoy's terms. */
export interface FilterSpec {
  /** Plugin name; seen by the filter as the property `plugin_name`. */
  readonly name: string;
  /** Path of the wasm module. */
  readonly module: string;
  /** Default: the empty string. */
  readonly rootId?: string;
  /** Plugins of one `vmId`, module and VM configuration share a VM. Default: the plugin name. */
  readonly vmId?: string;
  /** A string or bytes reach the filter as they are; anything else as JSON. */
  readonly configuration?: unknown;
  readonly vmConfiguration?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Envoy's `failure_policy`. Default: `FAIL_CLOSED`. */
  readonly failurePolicy?: "FAIL_CLOSED" | "FAIL_OPEN" | "FAIL_RELOAD";
  /** Envoy's `vm_config.capability_restriction_config.allowed_capabilities`; all where absent. */
  readonly allowedCapabilities?: readonly string[];
  /** Envoy's `allow_on_headers_stop_iteration`. Default: false. */
  readonly allowOnHeadersStopIteration?: boolean;
}

/** The part of Envoy's route that scenarios use; routes are tried in order, on the authority `*`. */
export interface RouteSpec {
  readonly name?: string;
  readonly match: {
    readonly prefix?: string;
    readonly path?: string;
    readonly headers?: ReadonlyArray<{ readonly name: string; readonly exact?: string; readonly present?: boolean }>;
  };
  readonly cluster?: string;
  readonly clusterHeader?: string;
  /** Answers without an upstream. */
  readonly directResponse?: { readonly status: number; readonly body?: string };
  readonly requestHeadersToRemove?: readonly string[];
  readonly responseHeadersToRemove?: readonly string[];
  /** Seconds; 0 disables. Default: 15, as Envoy's. */
  readonly timeout?: number;
}

/** By cluster name and namespace. */
export type FilterMetadata = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;

export interface ChainSpec {
  /** Downstream filters in order. */
  readonly filters: readonly FilterSpec[];
  /** Filters of the upstream chain of every cluster, in order. */
  readonly upstreamFilters?: readonly FilterSpec[];
  /** Default: one route `default` to the cluster `upstream`. */
  readonly routes?: readonly RouteSpec[];
  /** Clusters that exist; all lead to the scripted upstream. Default: those that routes name. */
  readonly clusters?: readonly string[];
  /** Hosts of each cluster, which take turns; all play the request's script. Default: 1. */
  readonly hosts?: number;
  /** `metadata.filter_metadata` of clusters, by cluster name and namespace. */
  readonly clusterMetadata?: FilterMetadata;
  /** The same of the one endpoint of each cluster. */
  readonly endpointMetadata?: FilterMetadata;
  /** Envoy's node, as a bootstrap has it. Default: id and cluster `meshwright`, no metadata. */
  readonly node?: { readonly id?: string; readonly cluster?: string; readonly metadata?: Readonly<Record<string, unknown>> };
  /** The listener's `traffic_direction`. Default: unspecified. */
  readonly trafficDirection?: "INBOUND" | "OUTBOUND";
  /** Whether Envoy's grpc_stats filter, with `emit_filter_state`, stands before the filters. Default: false. */
  readonly grpcStats?: boolean;
  /** Answers of clusters that filters call out to, by cluster name. Such a cluster need not stand in `clusters`. */
  readonly callouts?: Readonly<Record<string, (request: CalloutRequest) => CalloutAnswer>>;
}

/** What a filter called out with: of a unary gRPC call the path is `/SERVICE/METHOD`, the body its message without framing. */
export interface CalloutRequest {
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly body: Uint8Array;
  readonly trailers: ReadonlyArray<readonly [string, string]>;
}

/**
 * `delay` in milliseconds. `reset` ends the connection without an answer. To a gRPC call the body is the message, without framing; another
 * `grpc-status` than 0 stands in `trailers`.
 */
export type CalloutAnswer =
  | {
      readonly status: number;
      readonly headers?: ReadonlyArray<readonly [string, string]>;
      readonly body?: string | Uint8Array;
      readonly trailers?: ReadonlyArray<readonly [string, string]>;
      readonly delay?: number;
    }
  | { readonly reset: true };

export interface LogLine {
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "critical";
  readonly message: string;
}

/** Where a chain of filters runs: the in-process host, an Envoy process, an Envoy container. */
export interface Target {
  readonly name: "in-process" | "envoy" | "container";
  /** Why the target cannot run on this machine; `undefined` where it can. */
  unavailable(): Promise<string | undefined>;
  /** Rejects with a {@link TargetError} where a module or its configuration is refused. */
  start(chain: ChainSpec): Promise<RunningTarget>;
}

export interface RunningTarget extends AsyncDisposable {
  /** Sends one request and waits for its end. Rejects only where the request itself cannot be sent. */
  send(request: ExchangeRequest): Promise<ExchangeResult>;
  /** As {@link send} of each, one after the other; there where that costs more. */
  sendAll?(requests: readonly ExchangeRequest[]): Promise<readonly ExchangeResult[]>;
  /** Counters and gauges that filters defined, by the name they gave. Not histograms: Envoy's workers hand those over when they come to it. */
  metrics(): Promise<Readonly<Record<string, number>>>;
  /** What filters logged so far, in order. Decision lines are kept too. */
  logs(): Promise<readonly LogLine[]>;
}

/** Why a chain could not start: the refused plugin, and the lines that it or the host logged. Or why a request cannot be sent. */
export class TargetError extends Error {
  readonly logs: readonly string[];

  constructor(message: string, logs: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.name = "TargetError";
    this.logs = logs;
  }
}
