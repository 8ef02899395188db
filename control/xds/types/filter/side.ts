/** On which side of a workload requests pass, or that they pass a gateway. */
export type Side = "outbound" | "inbound" | "gateway";
