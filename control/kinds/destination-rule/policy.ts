import type { ClientTls, ConsistentHash, LoadBalancer, PortPolicy, TrafficPolicy } from "../../model/index.ts";
import { outlierDetectionOf } from "../../model/parts/index.ts";
import type { PolicySpec, PortPolicySpec } from "./fields.ts";

/** A trafficPolicy in the words of the mesh. */
export function trafficPolicyOf(spec: PolicySpec | undefined): TrafficPolicy {
  return {
    ...portPolicyOf(spec),
    ports: new Map((spec?.portLevelSettings ?? []).map((settings) => [settings.port.number, portPolicyOf(settings)])),
    tunnel: spec?.tunnel,
    proxyProtocol: spec?.proxyProtocol?.version,
    retryBudget: spec?.retryBudget,
  };
}

function portPolicyOf(spec: PolicySpec | PortPolicySpec | undefined): PortPolicy {
  return {
    loadBalancer: spec?.loadBalancer === undefined ? undefined : loadBalancerOf(spec.loadBalancer),
    connectionPool: spec?.connectionPool,
    outlierDetection: spec?.outlierDetection === undefined ? undefined : outlierDetectionOf(spec.outlierDetection),
    tls: spec?.tls === undefined ? undefined : tlsOf(spec.tls),
  };
}

function loadBalancerOf(spec: NonNullable<PolicySpec["loadBalancer"]>): LoadBalancer {
  const { simple, consistentHash, localityLbSetting, warmup, warmupDurationSecs } = spec;
  return {
    simple: simple === "UNSPECIFIED" ? undefined : simple === "LEAST_CONN" ? "LEAST_REQUEST" : simple,
    consistentHash: consistentHash === undefined ? undefined : consistentHashOf(consistentHash),
    locality: localityLbSetting,
    warmup: warmup ?? (warmupDurationSecs === undefined ? undefined : { duration: warmupDurationSecs, minimumPercent: 10, aggression: 1 }),
  };
}

function consistentHashOf(spec: NonNullable<NonNullable<PolicySpec["loadBalancer"]>["consistentHash"]>): ConsistentHash {
  const { httpHeaderName, httpCookie, httpQueryParameterName, ringHash, maglev, minimumRingSize } = spec;
  return {
    key:
      httpHeaderName !== undefined
        ? { header: httpHeaderName }
        : httpCookie !== undefined
          ? { cookie: httpCookie }
          : httpQueryParameterName !== undefined
            ? { queryParameter: httpQueryParameterName }
            : "source-ip",
    algorithm:
      maglev === undefined ? { ringHash: { minimumRingSize: (ringHash?.minimumRingSize ?? minimumRingSize) || 1024 } } : { maglev },
  };
}

function tlsOf({ credentialName, ...rest }: NonNullable<PolicySpec["tls"]>): ClientTls {
  return { ...rest, credentialName: credentialName?.replace(/^kubernetes:\/\//, "") };
}
