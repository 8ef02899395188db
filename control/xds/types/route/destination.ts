import type { Any } from "@bufbuild/protobuf/wkt";
import type {
  RouteActionSchema,
  RouteAction_HashPolicySchema,
} from "../../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import { milliseconds } from "../../../envoy-api/index.ts";
import { type ConsistentHash, type Destination, policyFor, type ProxyView } from "../../../model/index.ts";
import { outboundCluster } from "../cluster-name.ts";
import { connectionSettings } from "../connection-settings.ts";
import { meantHost } from "../endpoint/alias.ts";
import { loading } from "../on-demand.ts";
import type { Init } from "./init.ts";

/** The port of a destination: as written, else the only one of its service, else that on which the request came. */
export function destinationPort(view: ProxyView, { host, port }: Destination, listenerPort: number): number {
  if (port !== undefined) return port;
  const ports = view.service(host)?.ports ?? [];
  return ports.length === 1 ? (ports[0]?.number ?? listenerPort) : listenerPort;
}

/** The cluster of a destination. Where it does not exist, as for a subset that no DestinationRule names, Envoy answers 503 without a body. */
export function destinationCluster(view: ProxyView, destination: Destination, listenerPort: number): string {
  return outboundCluster(meantHost(view, destination.host), destinationPort(view, destination, listenerPort), destination.subset);
}

/** What is said of it to the filter that has clusters fetched. */
export function destinationLoading(view: ProxyView, destination: Destination, listenerPort: number): Record<string, Any> {
  return loading(view, {
    ...destination,
    host: meantHost(view, destination.host),
    port: destinationPort(view, destination, listenerPort),
  });
}

type HashPolicy = Init<typeof RouteAction_HashPolicySchema>;

/** What a request to a destination is hashed by, where its load balancer hashes. */
export function hashPolicy(view: ProxyView, destination: Destination, listenerPort: number): readonly HashPolicy[] {
  const port = destinationPort(view, destination, listenerPort);
  const hash = policyFor(view.trafficRules(meantHost(view, destination.host)), port, destination.subset).loadBalancer?.consistentHash;
  return hash === undefined ? [] : [{ policySpecifier: policySpecifier(hash.key) }];
}

function policySpecifier(key: ConsistentHash["key"]): NonNullable<HashPolicy["policySpecifier"]> {
  if (key === "source-ip") return { case: "connectionProperties", value: { sourceIp: true } };
  if ("header" in key) return { case: "header", value: { headerName: key.header } };
  if ("queryParameter" in key) return { case: "queryParameter", value: { name: key.queryParameter } };
  const { name, path, ttl } = key.cookie;
  return {
    case: "cookie",
    value: { name, ...(path === undefined ? {} : { path }), ...(ttl === undefined ? {} : { ttl: milliseconds(ttl) }) },
  };
}

/**
 * No end to a request but gRPC's `grpc-timeout`; a timeout is the limit of that too. Where routes are fetched on demand the listener's limit is for the wait (`longestWait` in `scope/hcm.ts`), so how long
 * a stream may take stands here. Envoy begins to count by the route's limit as soon as it has the route, which it does not for `idle_timeout`.
 */
export function timeouts(
  view: ProxyView,
  timeout: number | undefined,
): Pick<Init<typeof RouteActionSchema>, "timeout" | "maxGrpcTimeout" | "maxStreamDuration"> {
  const duration = milliseconds(timeout ?? 0);
  const { onDemand, type } = view.client();
  if (!onDemand) return { timeout: duration, maxGrpcTimeout: duration };
  const { httpMaxStreamDuration = 0 } = connectionSettings(view, type === "router");
  return {
    timeout: duration,
    maxStreamDuration: { maxStreamDuration: milliseconds(httpMaxStreamDuration), grpcTimeoutHeaderMax: duration },
  };
}
