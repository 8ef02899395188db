import { ClusterLoadAssignmentSchema } from "../../../envoy-api/generated/envoy/config/endpoint/v3/endpoint_pb.ts";
import { policyFor } from "../../../model/index.ts";
import { discoveryOf } from "../cluster/discovery.ts";
import type { XdsType } from "../xds-type.ts";
import { sourceOf } from "./alias.ts";
import { assignmentOf } from "./assignment.ts";
import { passesOnMtls } from "./mtls.ts";

/** The endpoints of every cluster that asks for them, also where there are none: a cluster waits for its answer. A host is a unit. */
export const endpointType: XdsType<typeof ClusterLoadAssignmentSchema> = {
  name: "endpoint",
  schema: ClusterLoadAssignmentSchema,
  rules: { order: 20, complete: false, wildcard: false },
  units: (view) => view.hosts(),
  translate(view, host) {
    const service = view.service(host);
    if (service === undefined) return [];
    const rules = view.trafficRules(host);
    const client = view.client();
    const passesOn = passesOnMtls(view, service);
    return service.ports
      .filter(({ protocol }) => protocol !== "udp")
      .flatMap((port) =>
        [undefined, ...(rules?.subsets ?? []).map(({ name }) => name)].flatMap((subset) => {
          const policy = policyFor(rules, port.number, subset, view.settings().defaultTrafficPolicy);
          if (discoveryOf(sourceOf(view, service, port).service, client, policy.loadBalancer) !== "EDS") return [];
          return (passesOn ? [false, true] : [false]).map((sniDnat) => {
            const message = assignmentOf(view, { service, port, subset, rules, policy, sniDnat });
            return { name: message.clusterName, message };
          });
        }),
      );
  },
};
