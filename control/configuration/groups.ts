import { nodeSettings, ownProxyConfig } from "../kinds/mesh-config/index.ts";
import type { Mesh } from "../mesh/index.ts";
import { type Client, ipModeOf, type Proxy } from "../model/index.ts";

/** What a proxy has in common with others: of its labels those by which objects of the mesh tell clients apart. Those of its workload go before its own (Istio's `SetWorkloadLabels`). */
export function clientOf(proxy: Proxy, mesh: Pick<Mesh, "labelKeys" | "saidOf">): Client {
  const { type, namespace, locality, network, clusterId, dnsDomain, interceptionMode, onDemand, identity } = proxy;
  const relevant = mesh.labelKeys();
  const said = mesh.saidOf(proxy);
  const labels = Object.fromEntries(
    Object.entries({ ...proxy.labels, ...said.labels })
      .filter(([key]) => relevant.has(key))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  const { settings } = nodeSettings(ownProxyConfig(proxy.metadata, said.proxyConfig));
  return {
    type,
    namespace,
    labels,
    locality,
    network,
    clusterId,
    dnsDomain,
    interceptionMode,
    onDemand,
    ipMode: ipModeOf(proxy),
    identity,
    // Istio's `enableHTTP10`, of the variable ISTIO_META_HTTP10.
    ...(proxy.metadata["HTTP10"] === "1" ? { http10: true } : {}),
    ...(settings === undefined ? {} : { settings }),
  };
}
