import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  Cluster_LeastRequestLbConfigSchema,
  Cluster_RoundRobinLbConfigSchema,
  type Cluster_SlowStartConfigSchema,
  LoadBalancingPolicySchema,
} from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import type { RouteAction_HashPolicySchema } from "../../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import { MaglevSchema } from "../../../envoy-api/generated/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts";
import { RingHashSchema } from "../../../envoy-api/generated/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts";
import { HttpProtocolOptionsSchema } from "../../../envoy-api/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { milliseconds, pack } from "../../../envoy-api/index.ts";
import type { ConsistentHash, LoadBalancer } from "../../../model/index.ts";
import { type ClusterDraft, optionsOf } from "./draft.ts";

export interface Balancing {
  readonly loadBalancer: LoadBalancer | undefined;
  /** Shares by locality are given with the endpoints. */
  readonly weightedLocalities: boolean;
  /** Kubernetes' `sessionAffinity: ClientIP`, which holds where no rule says how to balance. */
  readonly clientAffinity: boolean;
}

const BY_ADDRESS: ConsistentHash = { key: "source-ip", algorithm: { ringHash: { minimumRingSize: 1024 } } };

/** How an endpoint is chosen. Clusters that go where the client wanted to go have no choice. */
export function applyLoadBalancer(draft: ClusterDraft, { loadBalancer, weightedLocalities, clientAffinity }: Balancing): void {
  const { cluster } = draft;
  if (isOriginalDestination(draft) || loadBalancer?.simple === "PASSTHROUGH") {
    cluster.lbPolicy = Cluster_LbPolicy.CLUSTER_PROVIDED;
    return;
  }
  const hash = loadBalancer?.consistentHash ?? (clientAffinity && loadBalancer?.simple === undefined ? BY_ADDRESS : undefined);
  if (hash !== undefined) {
    applyConsistentHash(draft, hash, weightedLocalities);
    return;
  }
  const slowStartConfig = slowStart(loadBalancer?.warmup);
  switch (loadBalancer?.simple) {
    case "RANDOM":
      cluster.lbPolicy = Cluster_LbPolicy.RANDOM;
      break;
    case "ROUND_ROBIN":
      cluster.lbPolicy = Cluster_LbPolicy.ROUND_ROBIN;
      if (slowStartConfig !== undefined)
        cluster.lbConfig = { case: "roundRobinLbConfig", value: create(Cluster_RoundRobinLbConfigSchema, { slowStartConfig }) };
      break;
    case "LEAST_REQUEST":
    case undefined:
      cluster.lbPolicy = Cluster_LbPolicy.LEAST_REQUEST;
      if (slowStartConfig !== undefined)
        cluster.lbConfig = { case: "leastRequestLbConfig", value: create(Cluster_LeastRequestLbConfigSchema, { slowStartConfig }) };
      break;
  }
}

export function isOriginalDestination({ cluster: { clusterDiscoveryType: type } }: ClusterDraft): boolean {
  return type.case === "type" && type.value === Cluster_DiscoveryType.ORIGINAL_DST;
}

function slowStart(warmup: LoadBalancer["warmup"]): MessageInitShape<typeof Cluster_SlowStartConfigSchema> | undefined {
  if (warmup === undefined) return undefined;
  return {
    slowStartWindow: milliseconds(warmup.duration),
    // Envoy wants a runtime key with its default; nobody sets one of this name.
    aggression: { defaultValue: warmup.aggression, runtimeKey: "meshwright.warmup.aggression" },
    minWeightPercent: { value: warmup.minimumPercent },
  };
}

/**
 * What a request is hashed by stands in the cluster, not in its routes, so that a change of it is a change of the cluster alone. The balancer's own policies hold for HTTP and TCP; it
 * cannot set a cookie, so one with a lifetime is the business of the HTTP options, from where the router sets it.
 */
function applyConsistentHash(draft: ClusterDraft, { key, algorithm }: ConsistentHash, weightedLocalities: boolean): void {
  const policy = hashPolicy(key);
  const setsCookie = typeof key === "object" && "cookie" in key && key.cookie.ttl !== undefined;
  if (setsCookie) optionsOf(draft).hashPolicy = create(HttpProtocolOptionsSchema, { hashPolicy: [policy] }).hashPolicy;
  const consistentHashingLbConfig = setsCookie ? {} : { hashPolicy: [policy] };
  const localities = weightedLocalities ? { localityWeightedLbConfig: {} } : {};
  const typedExtensionConfig =
    "maglev" in algorithm
      ? {
          name: "envoy.load_balancing_policies.maglev",
          typedConfig: pack(MaglevSchema, { tableSize: BigInt(algorithm.maglev.tableSize), consistentHashingLbConfig, ...localities }),
        }
      : {
          name: "envoy.load_balancing_policies.ring_hash",
          typedConfig: pack(RingHashSchema, {
            minimumRingSize: BigInt(algorithm.ringHash.minimumRingSize),
            consistentHashingLbConfig,
            ...localities,
          }),
        };
  draft.cluster.lbPolicy = Cluster_LbPolicy.LOAD_BALANCING_POLICY_CONFIG;
  draft.cluster.loadBalancingPolicy = create(LoadBalancingPolicySchema, { policies: [{ typedExtensionConfig }] });
}

function hashPolicy(key: ConsistentHash["key"]): MessageInitShape<typeof RouteAction_HashPolicySchema> {
  if (key === "source-ip") return { policySpecifier: { case: "connectionProperties", value: { sourceIp: true } } };
  if ("header" in key) return { policySpecifier: { case: "header", value: { headerName: key.header } } };
  if ("queryParameter" in key) return { policySpecifier: { case: "queryParameter", value: { name: key.queryParameter } } };
  const { name, path, ttl, attributes } = key.cookie;
  return {
    policySpecifier: {
      case: "cookie",
      value: {
        name,
        attributes: [...attributes],
        ...(path === undefined ? {} : { path }),
        ...(ttl === undefined ? {} : { ttl: milliseconds(ttl) }),
      },
    },
  };
}
