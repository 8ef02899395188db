import type { Evidences } from "./evidence.ts";

const PATCHES = "control/xds/patches/patches.scenarios.ts";
const MATCHES = "control/xds/patches/matches.scenarios.ts";

export const envoyFilter: Evidences = {
  "workloadSelector.labels": `${PATCHES}: is patched by those that select it, by priority`,
  "configPatches.applyTo": [`${MATCHES}: vhost.name`, "control/xds/patches/bootstrap.scenarios.ts: BOOTSTRAP: MERGE, as Envoy takes it"],
  "configPatches.match.context": `${PATCHES}: of the other side`,
  "configPatches.match.proxy.proxyVersion": `${PATCHES}: for proxies of other versions`,
  "configPatches.match.proxy.metadata": `${PATCHES}: for proxies with other metadata`,
  "configPatches.match.listener.portNumber": `${MATCHES}: listener.portNumber`,
  "configPatches.match.listener.filterChain.name": `${MATCHES}: filterChain.name`,
  "configPatches.match.listener.filterChain.sni": `${MATCHES}: filterChain.sni: which server's chain`,
  "configPatches.match.listener.filterChain.transportProtocol": `${MATCHES}: filterChain.transportProtocol`,
  "configPatches.match.listener.filterChain.applicationProtocols": `${MATCHES}: filterChain.applicationProtocols`,
  "configPatches.match.listener.filterChain.filter.name": `${PATCHES}: INSERT_BEFORE what is not there`,
  "configPatches.match.listener.filterChain.filter.subFilter.name":
    "control/xds/patches/istio.scenarios.ts: myns-ext-authz, and its REPLACE for one workload",
  "configPatches.match.listener.filterChain.destinationPort": `${MATCHES}: filterChain.destinationPort`,
  "configPatches.match.listener.listenerFilter": `${PATCHES}: INSERT_AFTER what is not there`,
  "configPatches.match.listener.name": `${MATCHES}: listener.name`,
  "configPatches.match.routeConfiguration.portNumber": `${MATCHES}: routeConfiguration.portNumber`,
  "configPatches.match.routeConfiguration.portName": `${MATCHES}: portName`,
  "configPatches.match.routeConfiguration.gateway": `${MATCHES}: gateway`,
  "configPatches.match.routeConfiguration.vhost.name": `${MATCHES}: vhost.name`,
  "configPatches.match.routeConfiguration.vhost.domainName": `${MATCHES}: vhost.domainName`,
  "configPatches.match.routeConfiguration.vhost.route.name": `${MATCHES}: route.name`,
  "configPatches.match.routeConfiguration.vhost.route.action": `${MATCHES}: route.action`,
  "configPatches.match.routeConfiguration.name": `${MATCHES}: routeConfiguration.name`,
  "configPatches.match.cluster.portNumber": `${MATCHES}: cluster.portNumber`,
  "configPatches.match.cluster.service": `${MATCHES}: cluster.service`,
  "configPatches.match.cluster.subset": `${MATCHES}: cluster.subset`,
  "configPatches.match.cluster.name": `${MATCHES}: cluster.name`,
  "configPatches.patch.operation": `${PATCHES}: INSERT_FIRST, where a route is there`,
  "configPatches.patch.value": `${PATCHES}: REPLACE it by another`,
  "configPatches.patch.filterClass": `${PATCHES}: ADD, of a class, is before those of none`,
  priority: `${PATCHES}: is patched by those that select it, by priority`,
};
