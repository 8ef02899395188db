import type { Evidences } from "./evidence.ts";

const SIDECARS = "control/xds/types/listener/sidecar-fields.scenarios.ts";
const OUTBOUND = "control/xds/types/listener/outbound.scenarios.ts";
const POOLS = "control/xds/types/cluster/pools.scenarios.ts";
const TLS = "control/xds/types/listener/gateway-tls.scenarios.ts: clients of a Sidecar's ingress are taken";
const EGRESS_PROXY = `${OUTBOUND}: go to the egress proxy of a Sidecar where nobody knows their host`;

export const sidecar: Evidences = {
  "workloadSelector.labels": `${SIDECARS}: its labels select, before its namespace's`,
  "ingress.port.number": `${SIDECARS}: takes requests on port %i to its endpoint: %s`,
  "ingress.port.protocol": ["control/xds/types/listener/inbound.scenarios.ts: are bytes where the port says so"],
  "ingress.port.name":
    "control/xds/types/listener/http-proxy.scenarios.ts: by the ports of a Sidecar's ingress, of the service behind them or of the Sidecar itself",
  "ingress.bind": `${SIDECARS}: binds the address that it is given`,
  "ingress.captureMode": `${SIDECARS}: binds the address that it is given`,
  "ingress.defaultEndpoint": `${SIDECARS}: takes requests on port %i to its endpoint: %s`,
  "ingress.tls.mode": TLS,
  "ingress.tls.serverCertificate": TLS,
  "ingress.tls.privateKey": TLS,
  "ingress.tls.caCertificates": TLS,
  "ingress.tls.caCrl": TLS,
  "ingress.tls.verifyCertificateSpki": TLS,
  "ingress.tls.verifyCertificateHash": TLS,
  "ingress.tls.minProtocolVersion": TLS,
  "ingress.tls.maxProtocolVersion": TLS,
  "ingress.tls.cipherSuites": TLS,
  "ingress.tls.ecdhCurves": TLS,
  "ingress.tls.insecureSkipVerify": TLS,
  "ingress.connectionPool.tcp.maxConnections": `${POOLS}: maxConnections: no more connections`,
  "ingress.connectionPool.tcp.connectTimeout": `${POOLS}: connectTimeout: the time in which one comes about`,
  "ingress.connectionPool.tcp.maxConnectionDuration": `${POOLS}: %s ends connections`,
  "ingress.connectionPool.tcp.idleTimeout": `${POOLS}: %s ends connections`,
  "ingress.connectionPool.http.http1MaxPendingRequests": `${POOLS}: http1MaxPendingRequests: no more requests that wait for a connection`,
  "ingress.connectionPool.http.http2MaxRequests": `${POOLS}: http2MaxRequests: no more requests under way`,
  "ingress.connectionPool.http.maxRequestsPerConnection": `${POOLS}: maxRequestsPerConnection: 1 opens one for each`,
  "ingress.connectionPool.http.maxRetries": `${POOLS}: maxRetries: no more retries under way`,
  "ingress.connectionPool.http.idleTimeout": `${POOLS}: %s ends connections`,
  "ingress.connectionPool.http.h2UpgradePolicy": {
    unseen: "what is spoken to the workload is what its port says, in Istio too (shouldH2Upgrade)",
  },
  "ingress.connectionPool.http.useClientProtocol": `${POOLS}: useClientProtocol: what the client speaks`,
  "ingress.connectionPool.http.maxConcurrentStreams": `${POOLS}: maxConcurrentStreams: no more requests on a connection of HTTP/2`,
  "ingress.connectionPool.http.http2KeepAlive.interval": `${POOLS}: http2KeepAlive: interval: a connection is asked again and again; timeout: one that does not answer is closed`,
  "ingress.connectionPool.http.http2KeepAlive.timeout": `${POOLS}: http2KeepAlive: interval: a connection is asked again and again; timeout: one that does not answer is closed`,
  "ingress.connectionPool.tcp.tcpKeepalive.probes": `${POOLS}: tcpKeepalive: probes, time, interval: after a time without a word the kernel asks so often, and gives up`,
  "ingress.connectionPool.tcp.tcpKeepalive.time": `${POOLS}: tcpKeepalive: probes, time, interval: after a time without a word the kernel asks so often, and gives up`,
  "ingress.connectionPool.tcp.tcpKeepalive.interval": `${POOLS}: tcpKeepalive: probes, time, interval: after a time without a word the kernel asks so often, and gives up`,
  "egress.port": `${SIDECARS}: takes a port of its own from what is redirected, with captureMode %s`,
  "egress.bind": `${SIDECARS}: binds the address that it is given, and 127.0.0.1 where it is given none`,
  "egress.captureMode": `${SIDECARS}: binds the address that it is given, and 127.0.0.1 where it is given none`,
  "egress.hosts": `${SIDECARS}: has the hosts %s`,
  inboundConnectionPool: [
    `${POOLS}: inboundConnectionPool holds for ports of the workload that have none`,
    `${SIDECARS}: on port %i takes %i connections, as %s says`,
  ],
  "outboundTrafficPolicy.mode": `${OUTBOUND}: go nowhere where the registry is all that may be called`,
  "outboundTrafficPolicy.egressProxy.host": EGRESS_PROXY,
  "outboundTrafficPolicy.egressProxy.subset": EGRESS_PROXY,
  "outboundTrafficPolicy.egressProxy.port.number": EGRESS_PROXY,
};
