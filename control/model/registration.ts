/** Metadata key of a proxy's node: the WorkloadGroup of its namespace that it registers with (Istio's `NodeMetadata.AutoRegisterGroup`). */
export const GROUP_KEY = "AUTO_REGISTER_GROUP";

/** Annotation of a WorkloadEntry that came by registration: the name of its group (Istio's `AutoRegistrationGroupAnnotation`). */
export const GROUP_ANNOTATION = "istio.io/autoRegistrationGroup";

/** Annotation of such an entry: `"false"` where its workload is not healthy, and gets no requests. In Kubernetes a condition of its status says so. */
export const HEALTHY_ANNOTATION = "meshwright.mesh/healthy";

/** By this name of a type agents report how their workload is: healthy, or what is wrong in the place of a refusal (Istio's `HealthInfoType`). */
export const HEALTH_TYPE = "type.googleapis.com/istio.v1.HealthInformation";

/** By this name agents report that their proxy is about to end. It is answered when those that call its workload know. */
export const DRAINING_TYPE = "type.googleapis.com/meshwright.v1.Draining";

/** A proxy that registered, and the WorkloadEntry that it has. */
export interface Registration {
  /** Of its node. */
  readonly id: string;
  readonly namespace: string;
  readonly group: string;
  readonly serviceAccount: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  readonly locality: string;
  /** Whether its proxy has a certificate of the mesh (see `Proxy.identity`). */
  readonly identity: boolean;
  /** What its agent said last; undefined: nothing yet. */
  readonly healthy: boolean | undefined;
  /** The document of its entry, as it was last; undefined where it has none. */
  readonly entry: string | undefined;
}
