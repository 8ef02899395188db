import { create } from "@bufbuild/protobuf";
import { typeUrl } from "../../../envoy-api/index.ts";
import { ClusterSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { ScopedRouteConfigurationSchema } from "../../../envoy-api/generated/envoy/config/route/v3/scoped_route_pb.ts";
import { compareAge, type HostName, isWildcard, type ProxyView, type Service } from "../../../model/index.ts";
import { addressDomains, callableNames } from "../route/domains.ts";
import { mergedSets, serverHosts, type ServerSet, serverSets } from "../route/gateway.ts";
import { type OutboundPort, outboundPorts } from "../route/outbound.ts";
import type { XdsType } from "../xds-type.ts";
import { scopeKey } from "./key.ts";

/** One route configuration with the keys by which it is found. */
type ScopeUnit = readonly [routeConfiguration: string, keys: readonly string[]];

/**
 * By which names a proxy's workload may call which hosts. The names differ from proxy to proxy, so that the routes need not. They stand in the units already: they change only where services and
 * listeners come and go.
 */
export const scopeType: XdsType<typeof ScopedRouteConfigurationSchema> = {
  name: "scope",
  schema: ScopedRouteConfigurationSchema,
  rules: { order: 40, complete: true, wildcard: true, waitsFor: [typeUrl(ClusterSchema)] },
  *units(view) {
    if (view.client().type === "sidecar") {
      for (const unit of outboundScopes(view)) yield JSON.stringify(unit);
      return;
    }
    for (const unit of scopesOf(view, serverSets(view))) yield JSON.stringify(unit);
    yield MERGED;
  },
  translate(view, unit) {
    const units = unit === MERGED ? [...scopesOf(view, mergedSets(view))] : [JSON.parse(unit) as ScopeUnit];
    return units.flatMap((each) => translated(view, each));
  },
};

/** The unit of all names of the sets that only one proxy has. */
const MERGED = "gateway-merged";

function translated(view: ProxyView, [routeConfigurationName, keys]: ScopeUnit) {
  return keys.map((key) => ({
    name: key,
    message: create(ScopedRouteConfigurationSchema, {
      name: key,
      routeConfigurationName,
      // What unknown hosts fall back to is always there, so that they are answered at once.
      onDemand: view.client().onDemand && !key.endsWith("|*"),
      key: { fragments: [{ type: { case: "stringKey", value: key } }] },
    }),
  }));
}

function* outboundScopes(view: ProxyView): Iterable<ScopeUnit> {
  for (const found of outboundPorts(view)) {
    const name = `${found.port}`;
    const aliases = [...found.aliases.values()].flat();
    const known = new Set<HostName>([...[...found.services, ...aliases].map(({ host }) => host), ...found.routed]);
    const callable = (service: Service) => callableNames(view, service, (short) => known.has(short));
    const owners = addressOwners(found);
    for (const service of found.services) {
      if (isWildcard(service.host)) continue;
      const names = [service, ...(found.aliases.get(service.host) ?? [])].flatMap(callable);
      const addresses = addressDomains(service).filter((address) => owners.get(address) === service);
      yield [scopeKey(name, service.host), [...new Set([...names, ...addresses])].map((each) => scopeKey(name, each))];
    }
    for (const host of found.routed) if (!isWildcard(host)) yield [scopeKey(name, host), [scopeKey(name, host)]];
    yield rest(name);
  }
}

/** Of services that share an address the oldest has it. */
function addressOwners({ services }: OutboundPort): ReadonlyMap<string, Service> {
  const owners = new Map<string, Service>();
  for (const service of services) {
    for (const address of addressDomains(service)) {
      const owner = owners.get(address);
      if (owner === undefined || compareAge(service.object, owner.object) < 0) owners.set(address, service);
    }
  }
  return owners;
}

function* scopesOf(view: ProxyView, sets: readonly ServerSet[]): Iterable<ScopeUnit> {
  for (const set of sets) {
    for (const host of serverHosts(view, set)) if (!isWildcard(host)) yield [scopeKey(set.name, host), [scopeKey(set.name, host)]];
    yield rest(set.name);
  }
}

function rest(name: string): ScopeUnit {
  return [scopeKey(name, "*"), [scopeKey(name, "*")]];
}
