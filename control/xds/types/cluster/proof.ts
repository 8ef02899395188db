import { clone } from "@bufbuild/protobuf";
import { type Cluster, ClusterSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import type { ProofRequest } from "../../../proof/index.ts";
import { builtModules, UPSTREAM_FILTER } from "../filter/index.ts";
import type { Translated } from "../xds-type.ts";
import { EJECTION } from "./ejection.ts";

/** The settings that our filter will take from a cluster's metadata, which its module has to take first: it keeps what it had where it does not, and a new cluster would go unjudged. */
export function provenEjection(cluster: Cluster): Pick<Translated<typeof ClusterSchema>, "proofs" | "closed" | "meanwhile"> {
  const configuration = cluster.metadata?.filterMetadata[EJECTION]?.["configuration"];
  if (typeof configuration !== "string") return {};
  const unjudged = (): Cluster => {
    const other = clone(ClusterSchema, cluster);
    delete other.metadata?.filterMetadata[EJECTION];
    return other;
  };
  return { proofs: [proofOf(configuration)], closed: unjudged, meanwhile: unjudged };
}

/** Many clusters have the same settings. */
let last: { readonly configuration: string; readonly request: ProofRequest } | undefined;

function proofOf(configuration: string): ProofRequest {
  if (last?.configuration === configuration) return last.request;
  const request: ProofRequest = {
    name: UPSTREAM_FILTER,
    module: builtModules("mesh"),
    rootId: "upstream",
    configuration: `{"filters":[{"name":"ejection","configuration":${configuration}}]}`,
  };
  last = { configuration, request };
  return request;
}
