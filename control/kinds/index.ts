import { checkMessage } from "../envoy-api/reflection/index.ts";
import { builtinFilters, checkFilterConfiguration } from "../filter-schemas/index.ts";
import type { Kind } from "../model/index.ts";
import { authorizationPolicy } from "./authorization-policy/index.ts";
import { destinationRule } from "./destination-rule/index.ts";
import { endpointSlice } from "./endpoint-slice/index.ts";
import { endpoints } from "./endpoints/index.ts";
import { envoyFilter } from "./envoy-filter/index.ts";
import { gateway } from "./gateway/index.ts";
import { meshConfig } from "./mesh-config/index.ts";
import { peerAuthentication } from "./peer-authentication/index.ts";
import { pod } from "./pod/index.ts";
import { proxyConfig } from "./proxy-config/index.ts";
import { requestAuthentication } from "./request-authentication/index.ts";
import { secret } from "./secret/index.ts";
import { serviceEntry } from "./service-entry/index.ts";
import { service } from "./service/index.ts";
import { sidecar } from "./sidecar/index.ts";
import { telemetry } from "./telemetry/index.ts";
import { virtualService } from "./virtual-service/index.ts";
import { wasmPlugin } from "./wasm-plugin/index.ts";
import { workloadEntry } from "./workload-entry/index.ts";
import { workloadGroup } from "./workload-group/index.ts";

/** Every kind that is read, in the order of the documentation. */
export const KINDS: readonly Kind[] = [
  virtualService,
  destinationRule,
  gateway,
  serviceEntry,
  workloadEntry,
  workloadGroup,
  sidecar,
  peerAuthentication,
  authorizationPolicy,
  requestAuthentication,
  meshConfig,
  proxyConfig,
  telemetry,
  wasmPlugin({ names: builtinFilters, check: checkFilterConfiguration }),
  envoyFilter({ check: checkMessage }),
  service,
  endpointSlice,
  endpoints,
  pod,
  secret,
];
