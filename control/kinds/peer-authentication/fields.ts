import { choice, defaulted, map, object, optional } from "../../model/fields/index.ts";
import { typedWorkloadSelector } from "../../model/parts/index.ts";

const mutualTls = object({
  mode: defaulted(
    choice("UNSET", "DISABLE", "PERMISSIVE", "STRICT"),
    "UNSET",
    "STRICT takes mTLS alone, PERMISSIVE plain text too, DISABLE plain text alone. UNSET is what the next wider policy says; PERMISSIVE where none does.",
  ),
});

/** Uint32 in Istio's API, of which `ValidatePeerAuthentication` takes port numbers. */
function wrongPort(key: string): string | undefined {
  return /^\d{1,5}$/.test(key) && Number(key) >= 1 && Number(key) <= 65_535
    ? undefined
    : `${JSON.stringify(key)} is no port number; 1 to 65535 is allowed`;
}

/** `istio.security.v1beta1.PeerAuthentication`. */
export const fields = object({
  selector: optional(
    typedWorkloadSelector,
    "Workloads of the namespace that it is for. Default: all; in the root namespace those of the whole mesh.",
  ),
  mtls: optional(mutualTls, "What is taken on every port."),
  portLevelMtls: optional(
    map(mutualTls, { key: wrongPort }),
    "What is taken on single ports, by the number on which the workload listens; only beside a selector. UNSET is what `mtls` says.",
  ),
});

export type PeerAuthenticationSpec = NonNullable<ReturnType<typeof fields.read>>;
