import { nodeSettings, ownProxyConfig } from "../kinds/mesh-config/index.ts";
import { type Client, ipModeOf, type Proxy } from "../model/index.ts";

/**
 * What a proxy has in common with others.
 *
 * @param relevant keys of labels by which objects of the mesh tell clients apart
 * @param annotation `proxy.istio.io/config` of its pod
 */
export function clientOf(proxy: Proxy, relevant: ReadonlySet<string>, annotation?: string): Client {
  const { type, namespace, locality, network, clusterId, dnsDomain, interceptionMode, onDemand, identity } = proxy;
  const labels = Object.fromEntries(
    Object.entries(proxy.labels)
      .filter(([key]) => relevant.has(key))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  const { settings } = nodeSettings(ownProxyConfig(proxy.metadata, annotation));
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
