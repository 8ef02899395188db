import { authorizationPolicy } from "./authorization-policy.ts";
import { destinationRule } from "./destination-rule.ts";
import { envoyFilter } from "./envoy-filter.ts";
import type { Evidences } from "./evidence.ts";
import { gateway } from "./gateway.ts";
import { endpoints, endpointSlice, pod, secret, service } from "./kubernetes.ts";
import { meshConfig } from "./mesh-config.ts";
import { peerAuthentication } from "./peer-authentication.ts";
import { proxyConfig } from "./proxy-config.ts";
import { requestAuthentication } from "./request-authentication.ts";
import { serviceEntry } from "./service-entry.ts";
import { sidecar } from "./sidecar.ts";
import { telemetry } from "./telemetry.ts";
import { virtualService } from "./virtual-service.ts";
import { wasmPlugin } from "./wasm-plugin.ts";
import { workloadEntry } from "./workload-entry.ts";
import { workloadGroup } from "./workload-group.ts";

/** For each kind, which tests show in a real Envoy what its fields decide. */
export const TABLES: Readonly<Record<string, Evidences>> = {
  VirtualService: virtualService,
  DestinationRule: destinationRule,
  RequestAuthentication: requestAuthentication,
  AuthorizationPolicy: authorizationPolicy,
  PeerAuthentication: peerAuthentication,
  Telemetry: telemetry,
  WasmPlugin: wasmPlugin,
  EnvoyFilter: envoyFilter,
  WorkloadGroup: workloadGroup,
  Gateway: gateway,
  ServiceEntry: serviceEntry,
  WorkloadEntry: workloadEntry,
  Sidecar: sidecar,
  MeshConfig: meshConfig,
  ProxyConfig: proxyConfig,
  Service: service,
  EndpointSlice: endpointSlice,
  Endpoints: endpoints,
  Pod: pod,
  Secret: secret,
};

/** How many fields of all kinds decide nothing that Envoy can show; may only shrink. */
export const MOST_UNSEEN = 15;

/** Kinds without a table; shall become none. */
export const PENDING: readonly string[] = [];
