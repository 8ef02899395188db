import type { Contribution, EnvoyFilter, EnvoyPatch, MeshObject } from "../../model/index.ts";
import type { ConfigPatch, EnvoyFilterSpec } from "./fields.ts";
import { canonicalName } from "./names.ts";

export function contribute(object: MeshObject<EnvoyFilterSpec>): Contribution {
  return { policies: [envoyFilterOf(object)] };
}

export function envoyFilterOf(object: MeshObject<EnvoyFilterSpec>): EnvoyFilter {
  const { metadata, spec } = object;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    selector: spec.workloadSelector?.labels ?? {},
    priority: spec.priority,
    patches: spec.configPatches.map(patchOf),
    object,
  };
}

function patchOf({ applyTo, match, patch }: ConfigPatch, index: number): EnvoyPatch {
  const { listener, routeConfiguration, cluster } = match ?? {};
  return {
    applyTo,
    operation: patch.operation,
    context: match?.context ?? "ANY",
    proxy: match?.proxy,
    listener:
      listener === undefined
        ? undefined
        : {
            portNumber: listener.portNumber,
            name: listener.name,
            listenerFilter: listener.listenerFilter === undefined ? undefined : canonicalName(listener.listenerFilter),
            filterChain: listener.filterChain === undefined ? undefined : chainOf(listener.filterChain),
          },
    routeConfiguration:
      routeConfiguration === undefined
        ? undefined
        : {
            portNumber: routeConfiguration.portNumber,
            portName: routeConfiguration.portName,
            gateway: routeConfiguration.gateway,
            name: routeConfiguration.name,
            virtualHost: routeConfiguration.vhost,
          },
    cluster,
    filterClass: patch.filterClass,
    value: patch.value,
    path: ["spec", "configPatches", index],
  };
}

type Chain = NonNullable<NonNullable<NonNullable<ConfigPatch["match"]>["listener"]>["filterChain"]>;

function chainOf({ name, sni, transportProtocol, applicationProtocols, destinationPort, filter }: Chain) {
  return {
    name,
    sni,
    transportProtocol,
    applicationProtocols: applicationProtocols === undefined ? [] : applicationProtocols.split(",").map((each) => each.trim()),
    destinationPort,
    filter:
      filter === undefined
        ? undefined
        : {
            name: canonicalName(filter.name),
            subFilter: filter.subFilter === undefined ? undefined : canonicalName(filter.subFilter.name),
          },
  };
}
