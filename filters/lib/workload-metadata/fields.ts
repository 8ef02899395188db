/** What a proxy says about its workload, in the order of a {@link WorkloadMetadata} block. */
export const enum WorkloadField {
  /** `WORKLOAD_NAME`. */
  Name = 0,
  /** `NAMESPACE`. */
  Namespace = 1,
  /** `LABELS["service.istio.io/canonical-name"]`. */
  CanonicalName = 2,
  /** `LABELS["service.istio.io/canonical-revision"]`. */
  CanonicalRevision = 3,
  /** `LABELS["app"]`. */
  App = 4,
  /** `LABELS["version"]`. */
  Version = 5,
  /** `CLUSTER_ID`. */
  Cluster = 6,
}

export const WORKLOAD_FIELDS: i32 = 7;
