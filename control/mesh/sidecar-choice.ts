import { type Client, selects, type SidecarScope } from "../model/index.ts";

/** The Sidecar in force for a workload: one that selects its labels, else its namespace's, else the root namespace's. */
export function sidecarAmong(
  sidecars: readonly SidecarScope[],
  rootNamespace: string,
  { namespace, labels }: Pick<Client, "namespace" | "labels">,
): SidecarScope | undefined {
  const of = (where: string): readonly SidecarScope[] => sidecars.filter((each) => each.namespace === where);
  const mine = of(namespace);
  return (
    mine.find(({ workloadSelector }) => workloadSelector !== undefined && selects(workloadSelector, labels)) ??
    mine.find(({ workloadSelector }) => workloadSelector === undefined) ??
    of(rootNamespace).find(({ workloadSelector }) => workloadSelector === undefined)
  );
}
