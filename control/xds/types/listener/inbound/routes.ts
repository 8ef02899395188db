import { milliseconds } from "../../../../envoy-api/index.ts";
import type { HostName, Protocol } from "../../../../model/index.ts";
import type { HttpRoutes } from "../http-routes.ts";

/**
 * Everything to the workload's own port. The route stands in the listener itself: it changes with nothing else. The caller has the say on timeouts, so there is none here but
 * that of `grpc-timeout` (Istio's `BuildDefaultHTTPInboundRoute`).
 */
export function inboundRoutes(cluster: string, host: HostName, servicePort: number, protocol: Protocol): HttpRoutes {
  const grpc = protocol === "grpc" || protocol === "grpc-web";
  return {
    routeSpecifier: {
      case: "routeConfig",
      value: {
        name: cluster,
        validateClusters: false,
        virtualHosts: [
          {
            name: `inbound|http|${servicePort}`,
            domains: ["*"],
            routes: [
              {
                name: "default",
                match: { pathSpecifier: { case: "prefix", value: "/" } },
                decorator: { operation: `${host}:${servicePort}/*` },
                action: {
                  case: "route",
                  value: {
                    clusterSpecifier: { case: "cluster", value: cluster },
                    timeout: milliseconds(0),
                    maxStreamDuration: { maxStreamDuration: milliseconds(0), grpcTimeoutHeaderMax: milliseconds(0) },
                    // A stream that the workload refused was not begun, so it may be asked once more; gRPC's clients do that by themselves.
                    ...(grpc ? {} : { retryPolicy: { retryOn: "reset-before-request", numRetries: 2 } }),
                  },
                },
              },
            ],
          },
        ],
      },
    },
  };
}
