import type { Evidences } from "./evidence.ts";

const TEST = "test/integration/control/workload-group.test.ts";

const LABELS = `${TEST}: are found by the group's own labels, at its ports`;
const WAYS = `${TEST}: says of each workload in its own way when it gets requests, and when no more`;
const TIMES = `${TEST}: begins, repeats and waits for answers as it says, and believes what it has seen as often as it says`;

export const workloadGroup: Evidences = {
  "metadata.labels": LABELS,
  "metadata.annotations": `${TEST}: have the group's annotations`,
  "template.ports": LABELS,
  "template.labels": `${TEST}: are of a subset by the template's labels`,
  "template.network": `${TEST}: are in the network that it says`,
  "template.locality": `${TEST}: are where their locality says`,
  "template.weight": `${TEST}: get as much as their weight says`,
  "template.serviceAccount": `${TEST}: may register under the service account that it says, and no other`,
  "probe.initialDelaySeconds": TIMES,
  "probe.timeoutSeconds": TIMES,
  "probe.periodSeconds": TIMES,
  "probe.successThreshold": TIMES,
  "probe.failureThreshold": TIMES,
  "probe.httpGet.path": WAYS,
  "probe.httpGet.port": WAYS,
  "probe.httpGet.host": WAYS,
  "probe.httpGet.scheme": WAYS,
  "probe.httpGet.httpHeaders.name": WAYS,
  "probe.httpGet.httpHeaders.value": WAYS,
  "probe.tcpSocket.host": WAYS,
  "probe.tcpSocket.port": WAYS,
  "probe.exec.command": WAYS,
  "probe.grpc.port": WAYS,
  "probe.grpc.service": WAYS,
};
