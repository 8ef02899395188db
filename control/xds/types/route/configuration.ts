import { create, type MessageShape } from "@bufbuild/protobuf";
import {
  FilterConfigSchema,
  type VirtualHostSchema,
  VirtualHost_TlsRequirementType as TlsRequirement,
} from "../../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import { RouteConfigurationSchema } from "../../../envoy-api/generated/envoy/config/route/v3/route_pb.ts";
import { pack } from "../../../envoy-api/index.ts";
import type { HostName, ProxyView } from "../../../model/index.ts";
import { SCOPE_HEADER } from "../scope/key.ts";
import { LOOKUP_FILTER, REFRESH_FILTER } from "../scope/lookup.ts";
import { CLAIMS_FILTER } from "./claims.ts";
import type { Init } from "./init.ts";
import { asksForClaims } from "./match.ts";
import { withSharedRetries } from "./retries.ts";
import type { Route } from "./route.ts";
import { routeSelection } from "./selection.ts";

type VirtualHost = Init<typeof VirtualHostSchema>;
export type RouteConfiguration = MessageShape<typeof RouteConfigurationSchema>;

/** Bytes of a direct response: what Istio allows, not Envoy's 4 KiB. */
const MAX_DIRECT_RESPONSE = 1024 * 1024;

/** Where a host was found as it is written, nothing has to be looked up: Envoy leaves these filters out. */
const disabled = pack(FilterConfigSchema, { disabled: true });
const NO_CLAIMS = { [CLAIMS_FILTER]: disabled };
const FOUND = { [LOOKUP_FILTER]: disabled, [REFRESH_FILTER]: disabled };

/** A route configuration; its virtual hosts go by domain, whatever the port that a request names. */
export function routeConfiguration(name: string, virtualHosts: readonly VirtualHost[]): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [...virtualHosts],
    validateClusters: false,
    maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE,
    ignorePortInHostMatching: true,
    // Nobody outside the proxy is told, or may tell, by which scope a host was found.
    requestHeadersToRemove: [SCOPE_HEADER],
    responseHeadersToRemove: [SCOPE_HEADER],
    typedPerFilterConfig: FOUND,
  });
}

export interface VirtualHostContent {
  readonly host: HostName;
  readonly port: number;
  /** Domains of Envoy; the longest that fits a request's host decides. */
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  /** Requests that did not come over TLS are sent to where they would. */
  readonly requireTls?: boolean;
}

/** One host with its routes, as Istio names it: `reviews.default.svc.cluster.local:9080`. */
export function virtualHost(view: ProxyView, { host, port, domains, routes, requireTls }: VirtualHostContent): VirtualHost {
  const { routes: selected, retryPolicy } = withSharedRetries(routes);
  return {
    name: `${host}:${port}`,
    domains: [...domains],
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
    ...routeSelection(selected),
    // By this the filter that looks hosts up knows that one was found.
    metadata: { filterMetadata: { [LOOKUP_FILTER]: { host } } },
    includeRequestAttemptCount: view.proxySettings().proxyHeaders.attemptCount,
    ...(view.client().type === "router" && !routes.some(({ match }) => asksForClaims(match)) ? { typedPerFilterConfig: NO_CLAIMS } : {}),
    ...(requireTls === true ? { requireTls: TlsRequirement.ALL } : {}),
  };
}
