import { integer, map, object, optional, refused, text } from "../../model/fields/index.ts";
import { typedWorkloadSelector } from "../../model/parts/index.ts";

/** `istio.networking.v1beta1.ProxyConfig`. */
export const fields = object({
  selector: optional(
    typedWorkloadSelector,
    "Workloads of the namespace that it is for. Default: all; in the root namespace those of the whole mesh.",
  ),
  concurrency: optional(integer({ most: 2_147_483_647 }), "Worker threads of Envoy; 0: as many as processors."),
  environmentVariables: optional(map(text({ empty: true })), "Environment of the proxy; ISTIO_META_NAME is metadata NAME of its node."),
  image: refused("nobody starts containers here; `meshwright proxy` runs the Envoy that it is given"),
});

export type ProxyConfigSpec = NonNullable<ReturnType<typeof fields.read>>;
