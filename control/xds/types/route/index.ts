import { create } from "@bufbuild/protobuf";
import { typeUrl } from "../../../envoy-api/index.ts";
import { ClusterSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { RouteConfigurationSchema } from "../../../envoy-api/generated/envoy/config/route/v3/route_pb.ts";
import { type HostName, isWildcard, type ProxyView } from "../../../model/index.ts";
import type { Translated, XdsType } from "../xds-type.ts";
import type { RouteConfiguration } from "./configuration.ts";
import { gatewayHost, gatewayRest, mergedRoutes, serverHosts, serverSets } from "./gateway.ts";
import { outboundHost, outboundPorts, outboundRest, sniffedHost, wildcardsOf } from "./outbound.ts";
import { sockets, socketRoutes } from "./socket.ts";
import { formatUnit, parseUnit, type RouteUnit } from "./unit.ts";

/** How requests are routed: one route configuration for each host on each port, so that one change moves one. */
export const routeType: XdsType<typeof RouteConfigurationSchema> = {
  name: "route",
  schema: RouteConfigurationSchema,
  // After the scopes, for whose sake Envoy asks for routes.
  rules: { order: 50, complete: false, wildcard: false, waitsFor: [typeUrl(ClusterSchema)] },
  *units(view) {
    for (const unit of view.client().type === "sidecar" ? outboundUnits(view) : gatewayUnits(view)) yield formatUnit(unit);
  },
  translate(view, unit): readonly Translated<typeof RouteConfigurationSchema>[] {
    return make(view, parseUnit(unit)).map((message) => ({ name: message.name, message }));
  },
  // A request waits for the routes of its scope for as long as they do not come, and a removal does not end that; without a host the catch-all has it.
  absent: (name) => create(RouteConfigurationSchema, { name }),
};

function* outboundUnits(view: ProxyView): Iterable<RouteUnit> {
  for (const found of outboundPorts(view)) {
    const { port, services, routed, aliases } = found;
    for (const { host, ports } of services) {
      if (!isWildcard(host)) yield ["host", port, host, ...(aliases.get(host) ?? []).map((alias) => alias.host)];
      if (ports.some(({ number, protocol }) => number === port && protocol === "auto")) yield ["sniffed", port, host];
    }
    for (const host of routed) if (!isWildcard(host)) yield ["host", port, host];
    yield ["rest", port, wildcardsOf(view, found)];
  }
  for (const name of sockets(view).keys()) yield ["socket", name];
}

function* gatewayUnits(view: ProxyView): Iterable<RouteUnit> {
  for (const set of serverSets(view)) {
    for (const host of serverHosts(view, set)) if (!isWildcard(host)) yield ["gateway-host", set.name, host];
    yield ["gateway-rest", set.name];
  }
  yield ["gateway-merged"];
}

function make(view: ProxyView, unit: RouteUnit): readonly RouteConfiguration[] {
  switch (unit[0]) {
    case "host":
      return one(outboundHost(view, unit[1], unit[2], unit.slice(3) as HostName[]));
    case "sniffed":
      return one(sniffedHost(view, unit[1], unit[2]));
    case "rest":
      return one(outboundRest(view, unit[1], unit[2]));
    case "socket":
      return one(socketRoutes(view, unit[1]));
    case "gateway-host":
      return one(gatewayHost(view, unit[1], unit[2]));
    case "gateway-rest":
      return one(gatewayRest(view, unit[1]));
    case "gateway-merged":
      return mergedRoutes(view);
  }
}

function one(made: RouteConfiguration | undefined): readonly RouteConfiguration[] {
  return made === undefined ? [] : [made];
}
