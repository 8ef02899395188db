import { destinationRule } from "./destination-rule.ts";
import type { Evidences } from "./evidence.ts";
import { virtualService } from "./virtual-service.ts";

/** For each kind, which tests show in a real Envoy what its fields decide. */
export const TABLES: Readonly<Record<string, Evidences>> = {
  VirtualService: virtualService,
  DestinationRule: destinationRule,
};

/** Kinds without a table; shall become none. */
export const PENDING: readonly string[] = [
  "VirtualService",
  "DestinationRule",
  "Gateway",
  "ServiceEntry",
  "WorkloadEntry",
  "WorkloadGroup",
  "Sidecar",
  "PeerAuthentication",
  "AuthorizationPolicy",
  "RequestAuthentication",
  "MeshConfig",
  "ProxyConfig",
  "Telemetry",
  "WasmPlugin",
  "EnvoyFilter",
  "Service",
  "EndpointSlice",
  "Endpoints",
  "Pod",
  "Secret",
];
