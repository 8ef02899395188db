import { isHttp, type ProxyView } from "../../../../model/index.ts";
import { INBOUND_PASSTHROUGH_CLUSTER, inboundCluster } from "../../cluster-name.ts";
import { anyAddress, listenerName } from "../address.ts";
import { type Chain, PLAIN_HTTP } from "../filter-chain.ts";
import { httpConnectionManager } from "../http-connection-manager.ts";
import { toCluster } from "../tcp-proxy.ts";
import { downstreamTls } from "../tls.ts";
import type { InboundPort } from "./ports.ts";
import { inboundRoutes } from "./routes.ts";

interface Target extends Pick<InboundPort, "targetPort" | "servicePort" | "protocol" | "host" | "tls"> {
  readonly cluster: string;
  readonly statPrefix: string;
  readonly names: { readonly http: string; readonly tcp: string };
}

/** The chains of one port: of its protocol, or of HTTP and of bytes where that is to be found out. */
export function inboundChains(view: ProxyView, port: InboundPort): readonly Chain[] {
  const name = listenerName(port.bind ?? anyAddress(view.client())[0], port.targetPort);
  return chainsOf(view, {
    ...port,
    cluster: inboundCluster(port.targetPort),
    statPrefix: `inbound_${name}`,
    names: { http: name, tcp: name },
  });
}

/** The chains for ports that no service speaks of. */
export function passthroughChains(view: ProxyView): readonly Chain[] {
  return chainsOf(view, {
    targetPort: 0,
    servicePort: 0,
    protocol: "auto",
    host: "virtualInbound",
    tls: undefined,
    cluster: INBOUND_PASSTHROUGH_CLUSTER,
    statPrefix: INBOUND_PASSTHROUGH_CLUSTER,
    names: { http: "virtualInbound-catchall-http", tcp: "virtualInbound" },
  });
}

function chainsOf(view: ProxyView, target: Target): readonly Chain[] {
  const { targetPort, servicePort, protocol, host, tls, cluster, statPrefix, names } = target;
  const base = targetPort === 0 ? {} : { destinationPort: targetPort };
  const http = (): Chain => ({
    ...base,
    name: names.http,
    filters: [
      httpConnectionManager(view, {
        side: "inbound",
        statPrefix,
        routes: inboundRoutes(cluster, host, servicePort, protocol),
        port: targetPort,
        protocol,
      }),
    ],
  });
  const tcp = (): Chain => ({ ...base, name: names.tcp, filters: toCluster(view, cluster) });
  if (tls !== undefined) return [{ ...(isHttp(protocol) ? http() : tcp()), transportProtocol: "tls", tls: downstreamTls(view, tls) }];
  if (isHttp(protocol)) return [http()];
  if (protocol !== "auto") return [tcp()];
  // Envoy does not step back: a connection that is plain finds nothing where the only chain for plain ones is of HTTP.
  return [
    { ...http(), applicationProtocols: PLAIN_HTTP, transportProtocol: "raw_buffer" },
    { ...tcp(), name: `${names.tcp}-plain`, transportProtocol: "raw_buffer" },
    tcp(),
  ];
}
