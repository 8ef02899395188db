import type { Proxy, Workload } from "../model/index.ts";
import type { Indices } from "./indices.ts";

/**
 * The workload before which a proxy stands: of those at its addresses, in its namespace, the one of its name, as several share the address of a node or a machine; else the first. Whoever
 * else is there must not lend it labels by which policies select.
 */
export function workloadOf(
  { addresses: byAddress }: Pick<Indices, "addresses">,
  { addresses, namespace, name }: Pick<Proxy, "addresses" | "namespace" | "name">,
): Workload | undefined {
  const found = addresses.flatMap((address) => byAddress.get(address) ?? []).filter((each) => each.namespace === namespace);
  return found.find((each) => each.name === name) ?? found[0];
}
