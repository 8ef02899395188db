import { workloadEntry, type WorkloadEntrySpec } from "../../model/parts/index.ts";

export const fields = workloadEntry;
export type { WorkloadEntrySpec };
