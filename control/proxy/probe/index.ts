/** Whether the workload of a virtual machine is healthy: the probe of its WorkloadGroup, run beside its proxy. */
export { watchHealth, type HealthWatchOptions } from "./health-watch.ts";
export { runProbe } from "./run-probe.ts";
