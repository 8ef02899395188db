import type { GroupId } from "./observations.ts";

/** The port of the service whose hosts a cluster for clients has, by its name (`outbound|80|v1|reviews.default.svc.cluster.local`): subsets have hosts in common. Undefined of other clusters. */
export function groupOf(cluster: string): GroupId | undefined {
  const [, port = "", service = ""] = /^outbound\|(\d{1,5})\|[^|]*\|([^|]+)$/.exec(cluster) ?? [];
  return service === "" ? undefined : { service, port: Number(port) };
}
