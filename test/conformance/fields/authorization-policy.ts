import type { Evidences } from "./evidence.ts";

const REQUESTS = "control/xds/types/filter/authorization-policy.scenarios.ts";
const CONNECTIONS = "control/xds/types/listener/authorization.scenarios.ts";
const EXTERNAL = "control/xds/types/filter/external-authorization.scenarios.ts";

/** The field's own row: of requests, and of connections. */
const both = (name: string) => [`${REQUESTS}: ${name}`, `${CONNECTIONS}: ${name}`];

export const authorizationPolicy: Evidences = {
  "selector.matchLabels": `${REQUESTS}: hold by root namespace, namespace and labels, DENY before ALLOW`,
  action: [
    `${REQUESTS}: none allows everything; an ALLOW policy without rules nothing; an empty rule everything`,
    `${EXTERNAL}: decides about requests that a rule matches`,
  ],
  "provider.name": `${EXTERNAL}: of several, the one that a policy names is asked`,
  "rules.from.source.principals": both("principals"),
  "rules.from.source.notPrincipals": both("notPrincipals"),
  "rules.from.source.requestPrincipals": `${REQUESTS}: requestPrincipals`,
  "rules.from.source.notRequestPrincipals": `${REQUESTS}: notRequestPrincipals`,
  "rules.from.source.namespaces": both("namespaces"),
  "rules.from.source.notNamespaces": both("notNamespaces"),
  "rules.from.source.serviceAccounts": both("serviceAccounts"),
  "rules.from.source.notServiceAccounts": both("notServiceAccounts"),
  "rules.from.source.ipBlocks": both("ipBlocks"),
  "rules.from.source.notIpBlocks": both("notIpBlocks"),
  "rules.from.source.remoteIpBlocks": both("remoteIpBlocks"),
  "rules.from.source.notRemoteIpBlocks": both("notRemoteIpBlocks"),
  "rules.to.operation.hosts": `${REQUESTS}: hosts`,
  "rules.to.operation.notHosts": `${REQUESTS}: notHosts`,
  "rules.to.operation.ports": both("ports"),
  "rules.to.operation.notPorts": both("notPorts"),
  "rules.to.operation.methods": `${REQUESTS}: methods`,
  "rules.to.operation.notMethods": `${REQUESTS}: notMethods`,
  "rules.to.operation.paths": `${REQUESTS}: paths`,
  "rules.to.operation.notPaths": `${REQUESTS}: notPaths`,
  "rules.when.key": `${REQUESTS}: request.headers`,
  "rules.when.values": `${REQUESTS}: request.headers`,
  "rules.when.notValues": `${REQUESTS}: request.headers: notValues`,
};
