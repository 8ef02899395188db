import { create } from "@bufbuild/protobuf";
import { ProxyConfigSchema } from "../../../envoy-api/generated/mesh/v1alpha1/proxy_pb.ts";
import type { XdsType } from "../xds-type.ts";

/** The one resource. */
const NAME = "roots";

/**
 * What the workloads of the mesh trust, for who stands beside a proxy and gives it its certificate: Istio's resource for its agents (`PCDS`), a ProxyConfig with `caCertificatesPem` alone. Envoy itself never asks
 * for it. It is made of no object. An agent acknowledges it when its Envoy has the roots, so the status of this type says which proxies trust what.
 */
export const rootsType: XdsType<typeof ProxyConfigSchema> = {
  name: "roots",
  schema: ProxyConfigSchema,
  rules: { order: 1, complete: true, wildcard: true },
  units: () => [NAME],
  translate(view) {
    const roots = view.roots();
    return roots.length === 0 ? [] : [{ name: NAME, message: create(ProxyConfigSchema, { caCertificatesPem: [...roots] }) }];
  },
};
