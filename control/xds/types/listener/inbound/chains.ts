import { mtlsModeOf, type ProxyView } from "../../../../model/index.ts";
import { BLACK_HOLE_CLUSTER, INBOUND_PASSTHROUGH_CLUSTER, inboundCluster } from "../../cluster-name.ts";
import { anyAddress, listenerName } from "../address.ts";
import { networkAuthorization } from "../authorization/index.ts";
import { directAddress } from "../direct-address.ts";
import { type Chain, type NetworkFilter, PLAIN_HTTP, plainHttp } from "../filter-chain.ts";
import { httpConnectionManager } from "../http-connection-manager.ts";
import { meshTls } from "../mesh-tls.ts";
import { withNetworkPlugins } from "../network-plugins.ts";
import { toCluster } from "../tcp-proxy.ts";
import { downstreamTls } from "../tls.ts";
import type { InboundPort } from "./ports.ts";
import { inboundRoutes } from "./routes.ts";
import { waysOf, waysWithOwnTls } from "./ways.ts";

interface Target extends Pick<InboundPort, "targetPort" | "servicePort" | "protocol" | "host" | "tls"> {
  readonly cluster: string;
  readonly statPrefix: string;
  readonly names: { readonly http: string; readonly tcp: string };
}

/** The chains of one port: for mTLS, for plain text, or both, of its protocol, or of HTTP and of bytes where that is to be found out. */
export function inboundChains(view: ProxyView, port: InboundPort): readonly Chain[] {
  const name = listenerName(port.bind ?? anyAddress(view.client())[0], port.targetPort);
  return chainsOf(view, {
    ...port,
    cluster: inboundCluster(port.targetPort),
    statPrefix: `inbound_${name}`,
    names: { http: name, tcp: name },
  });
}

/**
 * The chains for ports that no service speaks of: for all of them, and for those of which a policy says something else (Istio's `ForPassthrough`).
 *
 * @param ports of the services, or of the Sidecar
 */
export function passthroughChains(view: ProxyView, ports: readonly Pick<InboundPort, "targetPort">[]): readonly Chain[] {
  const known = new Set(ports.map(({ targetPort }) => targetPort));
  const others = [...view.mtls().ports.keys()].filter((port) => !known.has(port)).sort((a, b) => a - b);
  return [0, ...others].flatMap((targetPort) =>
    chainsOf(view, {
      targetPort,
      servicePort: 0,
      protocol: "auto",
      host: "virtualInbound",
      tls: undefined,
      cluster: INBOUND_PASSTHROUGH_CLUSTER,
      statPrefix: INBOUND_PASSTHROUGH_CLUSTER,
      names: { http: "virtualInbound-catchall-http", tcp: "virtualInbound" },
    }),
  );
}

function chainsOf(view: ProxyView, target: Target): readonly Chain[] {
  const { targetPort, servicePort, protocol, host, tls, cluster, statPrefix, names } = target;
  const base = targetPort === 0 ? {} : { destinationPort: targetPort };
  const { identity } = view.client();
  const policy = mtlsModeOf(view.mtls(), targetPort);
  // What takes mTLS alone and has no certificate takes nothing.
  if (policy === "STRICT" && !identity)
    return [{ ...base, name: `${names.tcp}-no-identity`, filters: toCluster(view, "inbound", BLACK_HOLE_CLUSTER) }];
  const mode = identity ? policy : "DISABLE";
  return (tls === undefined ? waysOf(mode, protocol) : waysWithOwnTls(mode, protocol)).map(
    ({ kind, tls: whose, suffix = "", ...match }) => ({
      ...base,
      ...match,
      ...(match.applicationProtocols === PLAIN_HTTP ? { applicationProtocols: plainHttp(view.client()) } : {}),
      name: `${names[kind]}${suffix}`,
      filters:
        kind === "tcp"
          ? withPlugins({ authorization: networkAuthorization(view), filters: toCluster(view, "inbound", cluster) })
          : withPlugins({ filters: [directAddress, http()] }),
      ...(whose === "mesh" ? { tls: meshTls(view) } : whose === "own" && tls !== undefined ? { tls: downstreamTls(view, tls) } : {}),
    }),
  );

  function withPlugins(filters: Parameters<typeof withNetworkPlugins>[3]): readonly NetworkFilter[] {
    return withNetworkPlugins(view, "inbound", targetPort, filters);
  }

  function http(): NetworkFilter {
    const routes = inboundRoutes(cluster, host, servicePort, protocol);
    return httpConnectionManager(view, { side: "inbound", statPrefix, routes, port: targetPort, protocol });
  }
}
