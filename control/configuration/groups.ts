import { nodeSettings } from "../kinds/mesh-config/index.ts";
import { type Client, ipModeOf, type Proxy } from "../model/index.ts";

/**
 * What a proxy has in common with others.
 *
 * @param relevant keys of labels by which objects of the mesh tell clients apart
 */
export function clientOf(proxy: Proxy, relevant: ReadonlySet<string>): Client {
  const { type, namespace, locality, network, clusterId, dnsDomain, interceptionMode, onDemand, identity } = proxy;
  const labels = Object.fromEntries(
    Object.entries(proxy.labels)
      .filter(([key]) => relevant.has(key))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  const { settings } = nodeSettings(proxy.metadata["PROXY_CONFIG"]);
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
    ...(settings === undefined ? {} : { settings }),
  };
}
