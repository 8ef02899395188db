import type { MessageInitShape } from "@bufbuild/protobuf";
import { HeaderMutationSchema } from "../../../envoy-api/generated/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.ts";
import { CorsSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/cors/v3/cors_pb.ts";
import { HTTPFaultSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import { LuaSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/lua/v3/lua_pb.ts";
import { OnDemandSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts";
import type {
  HttpConnectionManagerSchema,
  HttpFilterSchema,
} from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { ApiVersion } from "../../../envoy-api/generated/envoy/config/core/v3/config_source_pb.ts";
import { HeaderValueOption_HeaderAppendAction } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { pack } from "../../../envoy-api/index.ts";
import { loadCluster, ON_DEMAND_TIMEOUT } from "../on-demand.ts";
import { keyName, SCOPE_HEADER } from "./key.ts";
import { FALL_BACK_ONLY, LOOKUP, LOOKUP_FILTER, NORMALISE_ONLY, REFRESH_FILTER } from "./lookup.ts";

type HttpFilter = Exclude<MessageInitShape<typeof HttpFilterSchema>, { readonly $typeName: string }>;
type ConnectionManager = Exclude<MessageInitShape<typeof HttpConnectionManagerSchema>, { readonly $typeName: string }>;

/** Where an HTTP connection manager has its routes from, and what they need. */
export interface HttpRouting {
  readonly routeSpecifier: NonNullable<ConnectionManager["routeSpecifier"]>;
  /** What is done to headers before the first route is looked for. */
  readonly earlyHeaderMutationExtensions: NonNullable<ConnectionManager["earlyHeaderMutationExtensions"]>;
  /** In front of all others: they may only see a request whose host was found. */
  readonly firstFilters: readonly HttpFilter[];
  /** Behind those, and behind whatever chooses another route: they have the cluster fetched where that is done on demand. */
  readonly clusterFilters?: readonly HttpFilter[];
  /** Milliseconds for which a request may wait until its route is known. Default: no such wait. */
  readonly longestWait?: number;
  /** Right before the router: they carry out what routes say. */
  readonly lastFilters: readonly HttpFilter[];
}

export interface ScopeOptions {
  /** Scopes and clusters are fetched when a request wants them. Default: false. */
  readonly onDemand?: boolean;
}

const ADS = { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 } as const;

/**
 * Routes by host through scopes (SRDS), so that a change of one host is a change of one small resource. Where the scope is not found by the host as it is written (letter case, trailing dot,
 * IPv6, wildcards, unknown hosts) the filters find it; else they do not even run.
 *
 * @param routeName the set of hosts: `9080`, `http.8080`, `https.443.https.web.prod`
 */
export function scopedRoutes(routeName: string, { onDemand = false }: ScopeOptions = {}): HttpRouting {
  return {
    routeSpecifier: {
      case: "scopedRoutes",
      value: {
        // The same for every listener: Envoy then keeps one set of scopes for all.
        name: "scopes",
        scopeKeyBuilder: {
          fragments: [
            {
              type: {
                case: "headerValueExtractor",
                value: { name: SCOPE_HEADER, elementSeparator: ":", extractType: { case: "index", value: 0 } },
              },
            },
          ],
        },
        rdsConfigSource: ADS,
        configSpecifier: { case: "scopedRds", value: { scopedRdsConfigSource: ADS } },
      },
    },
    earlyHeaderMutationExtensions: [
      {
        name: LOOKUP_FILTER,
        typedConfig: pack(HeaderMutationSchema, {
          mutations: [
            // "Overwrite" replaces the first of several headers only.
            { action: { case: "remove", value: SCOPE_HEADER } },
            {
              action: {
                case: "append",
                value: {
                  header: { key: SCOPE_HEADER, value: `${keyName(routeName)}|%REQ(:authority)%` },
                  appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
                },
              },
            },
          ],
        }),
      },
    ],
    firstFilters: onDemand ? [lua(NORMALISE_ONLY), askForRoute, lua(FALL_BACK_ONLY), askForRoute] : [lua(LOOKUP), askForRoute],
    lastFilters: routeFilters,
    ...(onDemand ? { clusterFilters: [loadCluster], longestWait: ON_DEMAND_TIMEOUT } : {}),
  };
}

/**
 * Routes by one route configuration (RDS) that has all its hosts: that of a service alone where its protocol is found out at its own address (`sniffedRouteName`), and those of
 * listeners that stand for all ports at once, as sockets of the file system and HTTP proxies do.
 */
export function plainRoutes(routeConfigName: string, { onDemand = false }: ScopeOptions = {}): HttpRouting {
  return {
    routeSpecifier: { case: "rds", value: { configSource: ADS, routeConfigName } },
    earlyHeaderMutationExtensions: [],
    firstFilters: [],
    lastFilters: routeFilters,
    ...(onDemand ? { clusterFilters: [loadCluster] } : {}),
  };
}

/** They do only what a route says in its `typed_per_filter_config`. */
const routeFilters: readonly HttpFilter[] = [
  { name: "envoy.filters.http.fault", configType: { case: "typedConfig", value: pack(HTTPFaultSchema, {}) } },
  { name: "envoy.filters.http.cors", configType: { case: "typedConfig", value: pack(CorsSchema, {}) } },
];

/** Filters of the step have two names only, by which virtual hosts turn them off. */
function lua(source: string): HttpFilter {
  const config = pack(LuaSchema, { defaultSourceCode: { specifier: { case: "inlineString", value: source } } });
  return { name: LOOKUP_FILTER, configType: { case: "typedConfig", value: config } };
}

/**
 * Asks for the route, and waits for it where its scope is fetched on demand. It is there without that too: what Lua changed is seen by wasm filters only after a native filter has asked.
 */
const askForRoute: HttpFilter = { name: REFRESH_FILTER, configType: { case: "typedConfig", value: pack(OnDemandSchema, {}) } };
