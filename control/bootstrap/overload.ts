import { type Json, typed } from "./json.ts";

/** Connections of all clients together. Istio's bootstrap has no limit; Envoy warns of that, and takes connections until file descriptors run out. */
export const MAX_CONNECTIONS = 50_000;

const MAX_CONNECTIONS_MONITOR = "envoy.resource_monitors.global_downstream_max_connections";
const HEAP_MONITOR = "envoy.resource_monitors.fixed_heap";

export interface OverloadLimits {
  /** Further connections are closed. Default: {@link MAX_CONNECTIONS}. */
  readonly maxConnections?: number;
  /** Bytes. From 95 % on free memory is given back, from 98 % on new requests get 503. Default: no limit. */
  readonly maxHeapSize?: number;
}

/** `overload_manager` */
export function overloadManager({ maxConnections = MAX_CONNECTIONS, maxHeapSize }: OverloadLimits): Json {
  const connections = typed("resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig", {
    max_active_downstream_connections: maxConnections,
  });
  const monitors: Json[] = [{ name: MAX_CONNECTIONS_MONITOR, typed_config: connections }];
  if (maxHeapSize === undefined) return { resource_monitors: monitors };
  const heap = typed("resource_monitors.fixed_heap.v3.FixedHeapConfig", { max_heap_size_bytes: maxHeapSize });
  return {
    refresh_interval: "0.25s",
    resource_monitors: [...monitors, { name: HEAP_MONITOR, typed_config: heap }],
    actions: [heapAction("shrink_heap", 0.95), heapAction("stop_accepting_requests", 0.98)],
  };
}

function heapAction(action: string, value: number): Json {
  return { name: `envoy.overload_actions.${action}`, triggers: [{ name: HEAP_MONITOR, threshold: { value } }] };
}
