import { Cluster } from "./cluster";

/** The newest of each cluster in this VM: what a worker counted is shared by its settings. */
const newest = new Map<u64, Cluster>();

export function rememberCluster(cluster: Cluster): void {
  newest.set(cluster.hash, cluster);
}

/** Does nothing where a newer root has it too. */
export function forgetCluster(cluster: Cluster): void {
  if (newest.has(cluster.hash) && newest.get(cluster.hash) === cluster) newest.delete(cluster.hash);
}

export function knownCluster(hash: u64): Cluster | null {
  return newest.has(hash) ? newest.get(hash) : null;
}
