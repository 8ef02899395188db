import type { Evidences } from "./evidence.ts";

const ROUTE = "control/xds/types/route";
const ANSWER = `${ROUTE}/answer.scenarios.ts`;
const CORS = `${ROUTE}/cors.scenarios.ts`;
const DELEGATES = `${ROUTE}/delegates.scenarios.ts`;
const DESTINATION = `${ROUTE}/destination.scenarios.ts`;
const FAULTS = `${ROUTE}/faults.scenarios.ts`;
const HEADERS = `${ROUTE}/headers.scenarios.ts`;
const HOSTS = `${ROUTE}/hosts.scenarios.ts`;
const MATCH = `${ROUTE}/match.scenarios.ts`;
const MIRRORS = `${ROUTE}/mirrors.scenarios.ts`;
const RETRIES = `${ROUTE}/retries.scenarios.ts`;
const REWRITE = `${ROUTE}/rewrite.scenarios.ts`;
const SOURCES = `${ROUTE}/sources.scenarios.ts`;
const CONNECTIONS = "control/xds/types/listener/layer-4.scenarios.ts";

const BY_CLIENT = `${SOURCES}: %s (%i) gets the routes that are for it`;
const BY_NAME = `${MATCH}: %s %j goes to the first rule that has an alternative for it`;
const PREFLIGHT = `${CORS}: a preflight of %s is answered, for any method`;
const BYTES = `${CONNECTIONS}: bytes %s go by where they are meant to go`;
const TLS = `${CONNECTIONS}: TLS %s goes by SNI`;

export const virtualService: Evidences = {
  hosts: [`${HOSTS}: a service's short name`, `${HOSTS}: the second of several`],
  gateways: BY_CLIENT,
  "http.name": BY_NAME,
  "http.match.name": BY_NAME,
  "http.match.uri.exact": [`${MATCH}: the whole path`, `${MATCH}: a header`],
  "http.match.uri.prefix": [`${MATCH}: a prefix, of whatever segment`, `${MATCH}: a prefix of a header`],
  "http.match.uri.regex": [`${MATCH}: a regular expression for the whole path`, `${MATCH}: a header by a regular expression`],
  "http.match.scheme": `${MATCH}: a scheme that is not the request's`,
  "http.match.method": `${MATCH}: the method`,
  "http.match.authority": `${MATCH}: the authority as it is written: with its port, and case-sensitive`,
  "http.match.headers": [`${MATCH}: a header`, "control/xds/types/route/claims.scenarios.ts: a claim within a claim"],
  "http.match.port": [`${MATCH}: the port on which a host is called`, `${SOURCES}: the port is that of the gateway's listener`],
  "http.match.sourceLabels": BY_CLIENT,
  "http.match.sourceNamespace": BY_CLIENT,
  "http.match.gateways": BY_CLIENT,
  "http.match.queryParams": `${MATCH}: a query parameter`,
  "http.match.ignoreUriCase": [`${MATCH}: the whole path in any case`, `${MATCH}: a prefix in any case`],
  "http.match.withoutHeaders": `${MATCH}: a header that is not there`,
  "http.match.statPrefix": `${MATCH}: statistics of its own`,
  "http.route.destination.host": `${DESTINATION}: three, of several services`,
  "http.route.destination.subset": `${DESTINATION}: a subset`,
  "http.route.destination.port.number": `${DESTINATION}: another port of the service`,
  "http.route.weight": `${DESTINATION}: one of two, where the other's weight is 0`,
  "http.route.headers.request.set": `${HEADERS}: set takes the place of all values`,
  "http.route.headers.request.add": `${HEADERS}: add stands behind what is there`,
  "http.route.headers.request.remove": `${HEADERS}: remove takes all values away`,
  "http.route.headers.response": `${HEADERS}: those of a destination`,
  "http.redirect.uri": `${ANSWER}: \`uri\` takes the place of the whole path`,
  "http.redirect.prefixRewrite": `${ANSWER}: \`prefixRewrite\` takes the place of what was matched`,
  "http.redirect.authority": `${ANSWER}: \`authority\` takes the place of the host`,
  "http.redirect.port": `${ANSWER}: \`port\` takes its place`,
  "http.redirect.derivePort": `${ANSWER}: the request's port is the listener's`,
  "http.redirect.scheme": `${ANSWER}: another scheme drops the port of the old one`,
  "http.redirect.redirectCode": `${ANSWER}: redirects: %s`,
  "http.directResponse.status": `${ANSWER}: a status alone`,
  "http.directResponse.body.string": `${ANSWER}: text`,
  "http.directResponse.body.bytes": `${ANSWER}: bytes`,
  "http.delegate.name": `${DELEGATES}: has its own settings where it says something`,
  "http.delegate.namespace": `${DELEGATES}: of another namespace`,
  "http.rewrite.uri": `${REWRITE}: the prefix that was matched`,
  "http.rewrite.authority": `${REWRITE}: the host, and tells the service the one before where the mesh wants that`,
  "http.rewrite.uriRegexRewrite.match": `${REWRITE}: every occurrence of it`,
  "http.rewrite.uriRegexRewrite.rewrite": `${REWRITE}: parts by a regular expression`,
  "http.timeout": `${FAULTS}: a timeout ends what takes longer`,
  "http.retries.attempts": `${RETRIES}: attempts alone say how often`,
  "http.retries.perTryTimeout": `${RETRIES}: all attempts take too long`,
  "http.retries.retryOn": `${RETRIES}: conditions and status codes together`,
  "http.retries.retryRemoteLocalities": `${RETRIES}: to other localities after two attempts, where \`retryRemoteLocalities\` says so`,
  "http.retries.retryIgnorePreviousHosts": `${RETRIES}: to another host than before, if \`retryIgnorePreviousHosts\` does not say otherwise`,
  "http.retries.backoff": `${RETRIES}: after a time that grows from what \`backoff\` says, by chance up to it`,
  "http.fault.delay.fixedDelay": `${FAULTS}: both: first the one, then the other`,
  "http.fault.delay.percentage.value": [
    `${FAULTS}: %s: requests wait, and are answered`,
    `${FAULTS}: abort-half: half of them are`,
    `${MIRRORS}: half`,
  ],
  "http.fault.delay.percent": `${FAULTS}: %s: requests wait, and are answered`,
  "http.fault.abort.httpStatus": `${FAULTS}: abort-all: the service sees nothing`,
  "http.fault.abort.grpcStatus": `${FAULTS}: a status of gRPC: %s`,
  "http.fault.abort.percentage": `${FAULTS}: abort-half: half of them are`,
  "http.mirror": [`${MIRRORS}: all`, `${MIRRORS}: port`],
  "http.mirrors.destination": `${MIRRORS}: several`,
  "http.mirrors.percentage": `${MIRRORS}: several`,
  "http.mirrorPercent": `${MIRRORS}: none-by-older-percentage`,
  "http.mirrorPercentage": `${MIRRORS}: half`,
  "http.corsPolicy.allowOrigin": `${CORS}: the older list is exact, and counts where there is no newer one`,
  "http.corsPolicy.allowOrigins": PREFLIGHT,
  "http.corsPolicy.allowMethods": PREFLIGHT,
  "http.corsPolicy.allowHeaders": PREFLIGHT,
  "http.corsPolicy.exposeHeaders": PREFLIGHT,
  "http.corsPolicy.maxAge": PREFLIGHT,
  "http.corsPolicy.allowCredentials": PREFLIGHT,
  "http.corsPolicy.unmatchedPreflights": `${CORS}: preflights of other origins go on, or are answered without a word`,
  "http.headers": `${HEADERS}: set takes the place of all values`,
  "tls.match.sniHosts": TLS,
  "tls.match.destinationSubnets": TLS,
  "tls.match.port": TLS,
  "tls.match.sourceLabels": TLS,
  "tls.match.sourceNamespace": TLS,
  "tls.match.gateways": [TLS, `${CONNECTIONS}: on a gateway by its port and name`],
  "tls.route.destination": TLS,
  "tls.route.weight": [TLS, "test/integration/control/tasks/tcp-traffic-shifting.test.ts: some go over"],
  "tcp.match.destinationSubnets": BYTES,
  "tcp.match.port": BYTES,
  "tcp.match.sourceLabels": BYTES,
  "tcp.match.sourceNamespace": BYTES,
  "tcp.match.gateways": BYTES,
  "tcp.route": BYTES,
  exportTo: `${SOURCES}: exportTo names the namespaces in which an object holds`,
};
