/** Parts of objects that several kinds have, in the words of Istio's API: fields, checks and what is made of them. */
export { clientTls } from "./client-tls.ts";
export { connectionPool, tcpKeepalive, wholeMilliseconds } from "./connection-pool.ts";
export { checkExportTo, exportedTo, exportTo, type ExportToRules } from "./export-to.ts";
export { labels, selectorLabels, typedWorkloadSelector, workloadSelector } from "./labels.ts";
export { localityLoadBalancing } from "./locality.ts";
export {
  dnsLabel,
  domain,
  subnet,
  wildcardDomain,
  wrongDnsLabel,
  wrongDomain,
  wrongLabelKey,
  wrongLabelValue,
  wrongSubnet,
  wrongWildcardDomain,
} from "./names.ts";
export { outlierDetection, outlierDetectionOf } from "./outlier-detection.ts";
export { checkSelected } from "./selected-workloads.ts";
export { parseProtocol, wrongProtocol } from "./protocol.ts";
export { ECDH_CURVES, serverTls, wrongUnixPath } from "./server-tls.ts";
export { parseNamespacedHost, wrongGatewayHost, wrongSidecarHost } from "./namespaced-host.ts";
export {
  endpointOf,
  localityOf,
  tlsModeOf,
  workloadEntry,
  workloadEntryFields,
  type WorkloadEntrySpec,
  workloadNameOf,
} from "./workload-entry.ts";
