import type { Evidences } from "./evidence.ts";

const KUBERNETES = "control/xds/types/endpoint/kubernetes.scenarios.ts";
const DESTINATIONS = "control/xds/types/listener/destinations.scenarios.ts";
const ACCOUNTS = "test/integration/control/accounts.test.ts";
const NAMES = `${KUBERNETES}: a targetRef's name is that of the workload, where no pod at the address says more`;
const KINDS = [NAMES, `${KUBERNETES}: a targetRef's kind is Pod, or its name is that of no workload`];
const SLICES = `${KUBERNETES}: slices: ready endpoints of all, each with the port of its slice`;

export const service: Evidences = {
  type: [`${KUBERNETES}: ExternalName: DNS is asked`, `${KUBERNETES}: ExternalName that names a service of the mesh: that service's`],
  "ports.name": [SLICES, `${KUBERNETES}: the port %s is spoken to as its name or appProtocol says`],
  "ports.port": `${KUBERNETES}: without targetPort the port's own number`,
  "ports.protocol": `${DESTINATIONS}: a port of UDP is not proxied`,
  "ports.appProtocol": `${KUBERNETES}: the port %s is spoken to as its name or appProtocol says`,
  "ports.targetPort": [`${KUBERNETES}: targetPort by name is each pod's own`, `${KUBERNETES}: targetPort by number`],
  selector: `${KUBERNETES}: all labels of the selector count`,
  clusterIP: [`${DESTINATIONS}: clusterIP`, `${DESTINATIONS}: headless: another that it chose`],
  clusterIPs: `${DESTINATIONS}: clusterIPs: and the others`,
  externalName: `${KUBERNETES}: ExternalName that names a service of the mesh: that service's`,
  sessionAffinity: `${KUBERNETES}: sessionAffinity ClientIP: one answers, always the same`,
  "sessionAffinityConfig.clientIP.timeoutSeconds": {
    unseen: "the endpoint follows from the client's address alone, so there is nothing that ends",
  },
  publishNotReadyAddresses: `${KUBERNETES}: publishNotReadyAddresses: also those that are not ready`,
  internalTrafficPolicy: `${KUBERNETES}: internalTrafficPolicy Local: the pods of the client's nodeName`,
  trafficDistribution: [
    `${KUBERNETES}: trafficDistribution PreferSameZone`,
    `${KUBERNETES}: trafficDistribution PreferClose`,
    `${KUBERNETES}: trafficDistribution PreferSameNode`,
  ],
};

export const endpointSlice: Evidences = {
  addressType: SLICES,
  "endpoints.addresses": SLICES,
  "endpoints.conditions.ready": SLICES,
  "endpoints.conditions.serving": `${KUBERNETES}: slices: what drains serves where nothing else does`,
  "endpoints.conditions.terminating": `${KUBERNETES}: slices: what drains serves where nothing else does`,
  "endpoints.nodeName": `${KUBERNETES}: slices: nodeName counts for internalTrafficPolicy`,
  "endpoints.zone": `${KUBERNETES}: slices: zone`,
  "endpoints.deprecatedTopology": `${KUBERNETES}: slices: deprecatedTopology`,
  "endpoints.topology": `${KUBERNETES}: slices: topology of v1beta1`,
  "endpoints.targetRef.kind": KINDS,
  "endpoints.targetRef.name": NAMES,
  "endpoints.targetRef.namespace": `${KUBERNETES}: slices: a targetRef's namespace`,
  "ports.name": SLICES,
  "ports.port": `${KUBERNETES}: slices: a port without a number is not served`,
};

export const endpoints: Evidences = {
  "subsets.addresses.ip": `${KUBERNETES}: Endpoints: addresses of all subsets that have the port, none that is not ready`,
  "subsets.addresses.nodeName": `${KUBERNETES}: Endpoints: nodeName`,
  "subsets.addresses.targetRef.kind": KINDS,
  "subsets.addresses.targetRef.name": NAMES,
  "subsets.addresses.targetRef.namespace": `${KUBERNETES}: Endpoints: a targetRef's namespace`,
  "subsets.notReadyAddresses": `${KUBERNETES}: Endpoints: notReadyAddresses where the service publishes them`,
  "subsets.ports.name": `${KUBERNETES}: Endpoints: addresses of all subsets that have the port, none that is not ready`,
  "subsets.ports.port": `${KUBERNETES}: Endpoints: addresses of all subsets that have the port, none that is not ready`,
};

export const pod: Evidences = {
  "spec.containers.name": { unseen: "ports are found by their own names, whichever container has them" },
  "spec.containers.ports.name": `${KUBERNETES}: targetPort by name is each pod's own`,
  "spec.containers.ports.containerPort": `${KUBERNETES}: targetPort by name is each pod's own`,
  "spec.initContainers": `${KUBERNETES}: ports of initContainers count`,
  "spec.serviceAccountName": `${ACCOUNTS}: Pod's serviceAccountName`,
  "spec.serviceAccount": `${ACCOUNTS}: Pod's serviceAccount`,
  "spec.nodeName": `${KUBERNETES}: internalTrafficPolicy Local: the pods of the client's nodeName`,
  "status.phase": `${KUBERNETES}: only pods that run and are ready`,
  "status.podIP": `${KUBERNETES}: only pods that run and are ready`,
  "status.podIPs.ip": `${KUBERNETES}: podIPs: the first`,
  "status.conditions.type": `${KUBERNETES}: only pods that run and are ready`,
  "status.conditions.status": `${KUBERNETES}: only pods that run and are ready`,
  "status.startTime": { unseen: "Kubernetes' own record; nothing of the mesh goes by it" },
  "status.hostIP": { unseen: "Kubernetes' own record; nothing of the mesh goes by it" },
};

export const secret: Evidences = {
  type: "control/xds/types/cluster/tls-revoked.scenarios.ts: a Secret of a type that says nothing to a mesh is none",
  data: "control/xds/types/cluster/tls-revoked.scenarios.ts: a Secret's ca.crl: one that is does not",
  stringData: "control/xds/types/cluster/tls-revoked.scenarios.ts: a Secret's stringData",
  immutable: { unseen: "Kubernetes' own rule for who writes it; what is read is the same" },
};
