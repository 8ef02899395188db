import type { Evidences } from "./evidence.ts";

const ENTRIES = "control/xds/types/endpoint/service-entries.scenarios.ts";
const DESTINATIONS = "control/xds/types/listener/destinations.scenarios.ts";
const OUTBOUND = "control/xds/types/listener/outbound.scenarios.ts";

export const serviceEntry: Evidences = {
  hosts: [`${ENTRIES}: each host of several`, `${ENTRIES}: a wildcard among them`],
  addresses: [`${DESTINATIONS}: addresses of a ServiceEntry: one, on the same port`, `${DESTINATIONS}: outside of the range`],
  "ports.number": `${ENTRIES}: without targetPort the port's number`,
  "ports.protocol": `${OUTBOUND}: go by the address of the service where they are bytes, the server first`,
  "ports.name": `${ENTRIES}: an endpoint's own number by the port's name`,
  "ports.targetPort": `${ENTRIES}: each port its own target`,
  location:
    "test/integration/control/accounts.test.ts: ServiceEntry's location: a service inside of the mesh is called by mTLS, one outside is not",
  resolution: [
    `${ENTRIES}: STATIC: the endpoints, on targetPort`,
    `${ENTRIES}: DNS: all names and addresses`,
    `${ENTRIES}: DNS_ROUND_ROBIN: the first address`,
    `${DESTINATIONS}: resolution NONE, by range: where the client wanted to go`,
  ],
  "endpoints.address": [`${ENTRIES}: STATIC: the endpoints, on targetPort`, `${ENTRIES}: a unix socket`],
  "endpoints.ports": `${ENTRIES}: an endpoint's own number by the port's name`,
  "endpoints.labels": `${ENTRIES}: labels, for subsets`,
  "endpoints.network": `${ENTRIES}: network, which is near where it is the client's`,
  "endpoints.locality": `${ENTRIES}: locality, or the labels of the place`,
  "endpoints.weight": `${ENTRIES}: weights`,
  "endpoints.serviceAccount": "test/integration/control/accounts.test.ts: ServiceEntry's endpoints.serviceAccount",
  "workloadSelector.labels": `${ENTRIES}: workloadSelector: WorkloadEntries of the namespace, with their ports and weights`,
  exportTo: [`${ENTRIES}: exportTo: to all, which is not the mesh's default`, `${ENTRIES}: exportTo: not to this namespace`],
  subjectAltNames: "test/integration/control/accounts.test.ts: ServiceEntry's subjectAltNames",
};
