import type { Evidences } from "./evidence.ts";

const ENTRIES = "control/xds/types/endpoint/service-entries.scenarios.ts";
const SELECTED = `${ENTRIES}: workloadSelector: WorkloadEntries of the namespace, with their ports and weights`;

export const workloadEntry: Evidences = {
  address: SELECTED,
  ports: SELECTED,
  labels: [SELECTED, `${ENTRIES}: workloadSelector: their labels, for subsets`],
  network: `${ENTRIES}: WorkloadEntry: network`,
  locality: `${ENTRIES}: WorkloadEntry: locality`,
  weight: SELECTED,
  serviceAccount: "test/integration/control/accounts.test.ts: WorkloadEntry's serviceAccount",
};
