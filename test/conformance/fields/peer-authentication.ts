import type { Evidences } from "./evidence.ts";

const TASK = "test/integration/control/tasks/authentication-policy.test.ts";

export const peerAuthentication: Evidences = {
  "selector.matchLabels": `${TASK}: for workloads with other labels, or for what a policy leaves unset, changes nothing`,
  "mtls.mode": [
    `${TASK}: for a workload goes before the namespace's policy, and that before the mesh's`,
    `${TASK}: is not taken at all where it is disabled: nobody's request is encrypted, and nobody's fails`,
  ],
  portLevelMtls: `${TASK}: but for one port, which takes plain text alone, also from clients with an identity`,
};
