import type { Evidences } from "./evidence.ts";

const CLUSTER = "control/xds/types/cluster";
const BALANCERS = `${CLUSTER}/load-balancer.scenarios.ts`;
const BUDGET = `${CLUSTER}/retry-budget.scenarios.ts`;
const KEEP_ALIVE = `${CLUSTER}/keep-alive.scenarios.ts`;
const OUTLIERS = `${CLUSTER}/outlier-detection.scenarios.ts`;
const POOL = `${CLUSTER}/connection-pool.scenarios.ts`;
const RULES = `${CLUSTER}/rules.scenarios.ts`;
const TLS = `${CLUSTER}/tls.scenarios.ts`;
const LOCALITIES = "control/xds/types/endpoint/localities.scenarios.ts";
const CONNECTIONS = "control/xds/types/listener/tcp-rules.scenarios.ts";

const COOKIE = `${BALANCERS}: by a cookie that is made where it is missing`;
const GROWS = `${BALANCERS}: what a new endpoint gets grows with its time, from what \`minimumPercent\` says`;
const EJECTS = `${OUTLIERS}: ejects a host that answers %s`;
const RETURNS = `${OUTLIERS}: brings a host back after baseEjectionTime`;
const LOCAL_ORIGIN = `${OUTLIERS}: splitExternalLocalOriginErrors counts refused connections by themselves`;
const OF_FILES = `${TLS}: shows the certificate of files`;
const TUNNELS = `${CONNECTIONS}: tunnels lead where the rule says`;

export const destinationRule: Evidences = {
  host: [
    `${RULES}: a short name is that of a service of the rule's namespace`,
    `${RULES}: a full name`,
    `${RULES}: a wildcard, where no rule names the host`,
  ],
  "trafficPolicy.loadBalancer.simple": `${BALANCERS}: ROUND_ROBIN takes one after the other`,
  "trafficPolicy.loadBalancer.consistentHash.httpHeaderName": `${BALANCERS}: by a header, %s: each user stays where it is, and users are spread`,
  "trafficPolicy.loadBalancer.consistentHash.httpCookie.name": [COOKIE, `${BALANCERS}: by a cookie that nobody makes`],
  "trafficPolicy.loadBalancer.consistentHash.httpCookie.path": COOKIE,
  "trafficPolicy.loadBalancer.consistentHash.httpCookie.ttl": [COOKIE, `${BALANCERS}: by a cookie for the client's session`],
  "trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes.name": COOKIE,
  "trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes.value": COOKIE,
  "trafficPolicy.loadBalancer.consistentHash.useSourceIp": `${BALANCERS}: by the client's address: %s, for HTTP and TCP`,
  "trafficPolicy.loadBalancer.consistentHash.httpQueryParameterName": `${BALANCERS}: by a query parameter`,
  "trafficPolicy.loadBalancer.consistentHash.ringHash.minimumRingSize": `${BALANCERS}: ringHash.minimumRingSize`,
  "trafficPolicy.loadBalancer.consistentHash.maglev.tableSize": `${BALANCERS}: maglev.tableSize, shared by two hosts`,
  "trafficPolicy.loadBalancer.consistentHash.minimumRingSize": `${BALANCERS}: minimumRingSize, the older name`,
  "trafficPolicy.loadBalancer.localityLbSetting.enabled": `${LOCALITIES}: switched off`,
  "trafficPolicy.loadBalancer.localityLbSetting.distribute.from": `${LOCALITIES}: holds for clients there only`,
  "trafficPolicy.loadBalancer.localityLbSetting.distribute.to": `${LOCALITIES}: shares by locality, and leaves out who has no share`,
  "trafficPolicy.loadBalancer.localityLbSetting.failover.from": `${LOCALITIES}: goes to the region that takes over for the region where the client is, not for another`,
  "trafficPolicy.loadBalancer.localityLbSetting.failover.to": `${LOCALITIES}: goes to the region that takes over before the others`,
  "trafficPolicy.loadBalancer.localityLbSetting.failoverPriority": `${LOCALITIES}: goes by labels, the client's own or given ones`,
  "trafficPolicy.loadBalancer.warmup.duration": GROWS,
  "trafficPolicy.loadBalancer.warmup.minimumPercent": GROWS,
  "trafficPolicy.loadBalancer.warmup.aggression": GROWS,
  "trafficPolicy.loadBalancer.warmupDurationSecs": GROWS,
  "trafficPolicy.connectionPool.tcp.maxConnections": `${CONNECTIONS}: maxConnections: one more is closed`,
  "trafficPolicy.connectionPool.tcp.connectTimeout": `${POOL}: connectTimeout ends an attempt`,
  "trafficPolicy.connectionPool.tcp.tcpKeepalive.probes": `${POOL}: tcpKeepalive %s: a connection is closed when nobody is there any more`,
  "trafficPolicy.connectionPool.tcp.tcpKeepalive.time": `${POOL}: tcpKeepalive %s: a connection is closed when nobody is there any more`,
  "trafficPolicy.connectionPool.tcp.tcpKeepalive.interval": `${POOL}: tcpKeepalive %s: a connection is closed when nobody is there any more`,
  "trafficPolicy.connectionPool.tcp.maxConnectionDuration": [
    `${POOL}: maxConnectionDuration`,
    `${CONNECTIONS}: maxConnectionDuration ends any`,
  ],
  "trafficPolicy.connectionPool.tcp.idleTimeout": [
    `${POOL}: tcp.idleTimeout, where http says nothing`,
    `${CONNECTIONS}: tcp.idleTimeout ends one in which nothing happens`,
  ],
  "trafficPolicy.connectionPool.http.http1MaxPendingRequests": `${POOL}: http1MaxPendingRequests with one connection`,
  "trafficPolicy.connectionPool.http.http2MaxRequests": `${POOL}: http2MaxRequests`,
  "trafficPolicy.connectionPool.http.maxRequestsPerConnection": `${POOL}: maxRequestsPerConnection: 1 opens one for each request`,
  "trafficPolicy.connectionPool.http.maxRetries": `${POOL}: maxRetries`,
  "trafficPolicy.connectionPool.http.idleTimeout": `${POOL}: http.idleTimeout`,
  "trafficPolicy.connectionPool.http.h2UpgradePolicy": `${POOL}: h2UpgradePolicy UPGRADE`,
  "trafficPolicy.connectionPool.http.useClientProtocol": `${POOL}: useClientProtocol`,
  "trafficPolicy.connectionPool.http.maxConcurrentStreams": `${POOL}: maxConcurrentStreams: no more requests on a connection of HTTP/2`,
  "trafficPolicy.connectionPool.http.http2KeepAlive.interval": `${KEEP_ALIVE}: interval: a connection that is there is asked again and again`,
  "trafficPolicy.connectionPool.http.http2KeepAlive.timeout": `${KEEP_ALIVE}: timeout: one that does not answer that long is closed, and what waits on it fails`,
  "trafficPolicy.outlierDetection.consecutive5xxErrors": [EJECTS, `${OUTLIERS}: 500, three in a row`],
  "trafficPolicy.outlierDetection.consecutiveGatewayErrors": [EJECTS, `${OUTLIERS}: 503, two gateway errors in a row`],
  "trafficPolicy.outlierDetection.interval": RETURNS,
  "trafficPolicy.outlierDetection.baseEjectionTime": RETURNS,
  "trafficPolicy.outlierDetection.maxEjectionPercent": `${OUTLIERS}: maxEjectionPercent: no more of them are out, whatever they answer`,
  "trafficPolicy.outlierDetection.minHealthPercent": `${OUTLIERS}: minHealthPercent: below it everybody gets traffic again; without it nobody who is out does`,
  "trafficPolicy.outlierDetection.splitExternalLocalOriginErrors": LOCAL_ORIGIN,
  "trafficPolicy.outlierDetection.consecutiveLocalOriginFailures": LOCAL_ORIGIN,
  "trafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes": [EJECTS, `${OUTLIERS}: 429, where the statuses are given`],
  "trafficPolicy.tls.mode": [`${TLS}: is turned off by mode DISABLE`, OF_FILES],
  "trafficPolicy.tls.clientCertificate": OF_FILES,
  "trafficPolicy.tls.privateKey": OF_FILES,
  "trafficPolicy.tls.caCertificates": `${TLS}: with files: the server is who has a certificate of the authority, and %s`,
  "trafficPolicy.tls.credentialName": [
    `${TLS}: with \`credentialName\` the authority is that of the secret, or of NAME-cacert`,
    `${TLS}: shows the certificate of a secret, and a new one after a change`,
  ],
  "trafficPolicy.tls.subjectAltNames": `${TLS}: refuses a server by %s`,
  "trafficPolicy.tls.sni": `${TLS}: with files: the server is who has a certificate of the authority, and %s`,
  "trafficPolicy.tls.insecureSkipVerify": `${TLS}: insecureSkipVerify takes any server`,
  "trafficPolicy.tls.caCrl": `${CLUSTER}/tls-revoked.scenarios.ts: caCrl: one that is does not`,
  "trafficPolicy.portLevelSettings.port.number": `${RULES}: portLevelSettings replace it, and what they leave out is the default`,
  "trafficPolicy.portLevelSettings.loadBalancer": `${BALANCERS}: and settings of a port replace those of the host`,
  "trafficPolicy.portLevelSettings.connectionPool": `${CONNECTIONS}: tcp.idleTimeout of a port: there`,
  "trafficPolicy.portLevelSettings.outlierDetection": [
    `${OUTLIERS}: ejects where a port's portLevelSettings say so, and those of the host do not`,
    `${OUTLIERS}: does not eject where the host's settings do, and a port's portLevelSettings do not`,
  ],
  "trafficPolicy.portLevelSettings.tls": `${TLS}: is turned %s for a port by its portLevelSettings`,
  "trafficPolicy.tunnel.protocol": TUNNELS,
  "trafficPolicy.tunnel.targetHost": TUNNELS,
  "trafficPolicy.tunnel.targetPort": TUNNELS,
  "trafficPolicy.proxyProtocol.version": `${TLS}: %s tells the service who the client is`,
  "trafficPolicy.retryBudget.percent": `${BUDGET}: percent: of the requests under way`,
  "trafficPolicy.retryBudget.minRetryConcurrency": `${BUDGET}: minRetryConcurrency: so many retries are always allowed`,
  "trafficPolicy.retryBudget.budgetInterval": `${BUDGET}: budgetInterval: of the requests of that time`,
  "subsets.name": [
    `${RULES}: rules of one host have the subsets of all`,
    `${BALANCERS}: are the endpoints with their labels; one that selects nobody has no healthy upstream, one that is not defined no cluster`,
  ],
  "subsets.labels": `${BALANCERS}: are the endpoints with their labels; one that selects nobody has no healthy upstream, one that is not defined no cluster`,
  "subsets.trafficPolicy": `${BALANCERS}: have policies of their own before those of the host`,
  exportTo: [
    `${RULES}: exportTo . hides a rule of another namespace`,
    `${RULES}: a rule of the service's namespace that is exported to the client's`,
    `${RULES}: one that is not: the root namespace's`,
  ],
  "workloadSelector.matchLabels": [
    `${RULES}: workloadSelector: the rule for clients with these labels`,
    `${RULES}: and for other clients another`,
  ],
};
