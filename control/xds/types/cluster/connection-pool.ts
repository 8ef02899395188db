import { create } from "@bufbuild/protobuf";
import { CircuitBreakersSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/circuit_breaker_pb.ts";
import { UpstreamConnectionOptionsSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { milliseconds } from "../../../envoy-api/index.ts";
import type { ConnectionPool, EffectivePolicy, MeshSettings } from "../../../model/index.ts";
import { type ClusterDraft, commonOptionsOf } from "./draft.ts";

/** Envoy's own limits (1,024 connections, 3 retries) are hit by ordinary traffic; Istio's default is none. */
const NO_LIMIT = 0xffffffff;

/** Limits, timeouts and keep-alive of a cluster's connections (Istio's `applyConnectionPool`). */
export function applyConnectionPool(
  draft: ClusterDraft,
  pool: ConnectionPool | undefined,
  settings: Pick<MeshSettings, "connectTimeout" | "tcpKeepalive">,
  budget?: EffectivePolicy["retryBudget"],
): void {
  const { cluster } = draft;
  cluster.connectTimeout = milliseconds(pool?.connectTimeout ?? settings.connectTimeout);
  cluster.circuitBreakers = create(CircuitBreakersSchema, {
    thresholds: [
      {
        maxConnections: pool?.maxConnections ?? NO_LIMIT,
        maxPendingRequests: pool?.http1MaxPendingRequests ?? NO_LIMIT,
        maxRequests: pool?.http2MaxRequests ?? NO_LIMIT,
        maxRetries: pool?.maxRetries ?? NO_LIMIT,
        trackRemaining: true,
        ...(budget === undefined ? {} : { retryBudget: retryBudget(budget) }),
      },
    ],
  });
  applyKeepalive(draft, settings.tcpKeepalive, pool?.tcpKeepalive);
  if (pool === undefined) return;
  const idleTimeout = pool.httpIdleTimeout ?? pool.tcpIdleTimeout;
  if (idleTimeout !== undefined) commonOptionsOf(draft).idleTimeout = milliseconds(idleTimeout);
  if (pool.maxConnectionDuration !== undefined) commonOptionsOf(draft).maxConnectionDuration = milliseconds(pool.maxConnectionDuration);
  if (pool.maxRequestsPerConnection !== undefined) commonOptionsOf(draft).maxRequestsPerConnection = pool.maxRequestsPerConnection;
}

function retryBudget({ percent, minRetryConcurrency, budgetInterval }: NonNullable<EffectivePolicy["retryBudget"]>) {
  const interval = budgetInterval === undefined ? {} : { budgetInterval: milliseconds(budgetInterval) };
  return { budgetPercent: { value: percent }, minRetryConcurrency, ...interval };
}

/** The mesh's first, each value of it overridden by the destination's; an empty one turns keep-alive on with the system's values. */
function applyKeepalive({ cluster }: ClusterDraft, ...levels: readonly ConnectionPool["tcpKeepalive"][]): void {
  const given = levels.filter((level) => level !== undefined);
  if (given.length === 0) return;
  const last = <Name extends "probes" | "time" | "interval">(name: Name): number | undefined =>
    given.findLast((level) => level[name] !== undefined)?.[name];
  const [probes, time, interval] = [last("probes"), last("time"), last("interval")];
  cluster.upstreamConnectionOptions = create(UpstreamConnectionOptionsSchema, {
    tcpKeepalive: {
      ...(probes === undefined ? {} : { keepaliveProbes: probes }),
      // Seconds, of which the system knows no parts.
      ...(time === undefined ? {} : { keepaliveTime: Math.max(1, Math.floor(time / 1000)) }),
      ...(interval === undefined ? {} : { keepaliveInterval: Math.max(1, Math.floor(interval / 1000)) }),
    },
  });
}
