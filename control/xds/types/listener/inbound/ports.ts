import type { ConnectionPool, HostName, Protocol, ProxyView, ServerTls } from "../../../../model/index.ts";

/** One port of the workload on which its proxy takes connections. */
export interface InboundPort {
  /** Where the workload listens, or the Sidecar says that the proxy does. */
  readonly targetPort: number;
  /** Of the service, for traces and statistics. */
  readonly servicePort: number;
  readonly protocol: Protocol;
  readonly host: HostName;
  /** Undefined: every address, of a listener of its own those of the workload. */
  readonly bind: string | undefined;
  /** True for a listener of its own; else a filter chain of the redirecting one. */
  readonly bindToPort: boolean;
  readonly tls: ServerTls | undefined;
  readonly connectionPool: ConnectionPool | undefined;
}

/**
 * Ports of the workload: those of the Sidecar's `ingress`, else those of its services; of two services on one port the oldest counts (Istio's `buildInboundChainConfigs`).
 * Without redirection nobody but a Sidecar can say where to listen, as the workload has its own ports itself.
 */
export function inboundPorts(view: ProxyView): readonly InboundPort[] {
  const sidecar = view.sidecar();
  const ports = new Map<number, InboundPort>();
  if (sidecar !== undefined && sidecar.ingress.length > 0) {
    for (const port of ingressPorts(view)) if (!ports.has(port.targetPort)) ports.set(port.targetPort, port);
  } else if (view.client().interceptionMode !== "NONE") {
    const connectionPool = sidecar?.inboundConnectionPool;
    for (const { service, port, targetPort } of view.inbound().ports) {
      if (port.protocol === "udp" || ports.has(targetPort)) continue;
      const { number: servicePort, protocol } = port;
      ports.set(targetPort, {
        targetPort,
        servicePort,
        protocol,
        host: service.host,
        bind: undefined,
        bindToPort: false,
        tls: undefined,
        connectionPool,
      });
    }
  }
  return [...ports.values()].toSorted((a, b) => a.targetPort - b.targetPort);
}

/** Those of a Sidecar that need listeners of their own. Unlike the others they are the same for every workload of the Sidecar. */
export function boundPorts(view: ProxyView): readonly InboundPort[] {
  return ingressPorts(view).filter(({ bindToPort }) => bindToPort);
}

function ingressPorts(view: ProxyView): readonly InboundPort[] {
  const sidecar = view.sidecar();
  const redirected = view.client().interceptionMode !== "NONE";
  return (sidecar?.ingress ?? []).map(({ port, bind, captureMode, tls, connectionPool }) => ({
    targetPort: port.number,
    servicePort: port.number,
    protocol: tls === undefined ? port.protocol : afterTls(port.protocol),
    host: `${sidecar?.name ?? ""}.${sidecar?.namespace ?? ""}`,
    bind,
    bindToPort: captureMode === "DEFAULT" ? !redirected : captureMode === "NONE",
    tls,
    connectionPool: connectionPool ?? sidecar?.inboundConnectionPool,
  }));
}

/** What is spoken inside of TLS that ends here. */
function afterTls(protocol: Protocol): Protocol {
  return protocol === "https" ? "http" : protocol === "tls" ? "tcp" : protocol;
}
