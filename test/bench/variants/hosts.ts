import { create, type JsonObject, toJson } from "@bufbuild/protobuf";
import { RouteConfigurationSchema } from "../../../control/envoy-api/generated/envoy/config/route/v3/route_pb.ts";
import { HttpConnectionManagerSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { routeConfiguration } from "../../../control/xds/types/route/configuration.ts";
import { type HttpRouting, plainRoutes, scopedRoutes } from "../../../control/xds/types/scope/hcm.ts";
import { scopeKey } from "../../../control/xds/types/scope/key.ts";
import { LOOKUP_FILTER } from "../../../control/xds/types/scope/lookup.ts";
import type { HeaderList } from "../../../harness/target/index.ts";
import type { Json } from "../envoy/bootstrap.ts";
import type { Prepared, Variant } from "./variant.ts";

/** The host of which there are routes beside those of the others. */
const HOST = "shop.example.com";
const PORT = "9080";

/** How a sidecar of a mesh finds the routes of a request by its host, and what that is compared with: one route configuration with all hosts. */
export const HOSTS: readonly Variant[] = [
  variant("plain", "one route configuration", HOST, plain),
  variant("usual", "as usual", HOST, scoped),
  variant("port", "with a port", `${HOST}:9080`, scoped),
  variant("capitals", "with a capital", "Shop.example.com", scoped),
  variant("dot", "with a dot at its end", `${HOST}.`, scoped),
  variant("unknown", "that nobody knows", "nobody.example.com", scoped),
];

function variant(id: string, title: string, authority: string, prepare: () => Promise<Prepared>): Variant {
  return { id: `host-${id}`, title, request: request(authority), prepare };
}

async function plain(): Promise<Prepared> {
  const { registry } = await import("../../../control/envoy-api/generated/registry.ts");
  const { filters } = asJson(plainRoutes("all"), registry);
  return { filters, manager: { route_config: routes("all", [...virtualHosts(), ...strangers], registry) } };
}

/** The control service's own listener, but that routes stand in the bootstrap: no service is needed that sends them. */
async function scoped(): Promise<Prepared> {
  const { registry } = await import("../../../control/envoy-api/generated/registry.ts");
  const { filters, manager } = asJson(scopedRoutes(PORT), registry);
  const { scoped_rds: _, ...specifier } = manager["scoped_routes"] as Json & { readonly scoped_rds: unknown };
  const scope = (host: string, hosts: typeof strangers) => ({
    name: scopeKey(PORT, host),
    key: { fragments: [{ string_key: scopeKey(PORT, host) }] },
    route_configuration: routes(scopeKey(PORT, host), hosts, registry),
  });
  const list = { scoped_route_configurations: [scope(HOST, virtualHosts()), scope("*", strangers)] };
  return { filters, manager: { ...manager, scoped_routes: { ...specifier, scoped_route_configurations_list: list } } };
}

type Registry = NonNullable<NonNullable<Parameters<typeof toJson>[2]>["registry"]>;
type VirtualHosts = Parameters<typeof routeConfiguration>[1];

const answer = {
  match: { pathSpecifier: { case: "prefix" as const, value: "/" } },
  action: { case: "directResponse" as const, value: { status: 200 } },
};

function virtualHosts(): VirtualHosts {
  const metadata = { filterMetadata: { [LOOKUP_FILTER]: { host: HOST } } };
  return [{ name: HOST, domains: [HOST, `${HOST}.`], metadata, routes: [answer] }];
}

const strangers: VirtualHosts = [{ name: "allow_any", domains: ["*"], routes: [answer] }];

function routes(name: string, hosts: VirtualHosts, registry: Registry): Json {
  return toJson(RouteConfigurationSchema, routeConfiguration(name, hosts), { registry, useProtoFieldName: true }) as JsonObject;
}

function asJson({ routeSpecifier, earlyHeaderMutationExtensions, firstFilters, lastFilters }: HttpRouting, registry: Registry): Manager {
  const message = create(HttpConnectionManagerSchema, {
    statPrefix: "bench",
    routeSpecifier,
    earlyHeaderMutationExtensions,
    httpFilters: [...firstFilters, ...lastFilters],
  });
  const json = toJson(HttpConnectionManagerSchema, message, { registry, useProtoFieldName: true }) as JsonObject;
  const { http_filters: filters, stat_prefix: _, ...manager } = json;
  return { filters: filters as readonly Json[], manager: manager };
}

interface Manager {
  readonly filters: readonly Json[];
  readonly manager: Json;
}

function request(authority: string): HeaderList {
  return [
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", authority],
    [":path", "/items/4711"],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
    ["accept", "application/json"],
  ];
}
