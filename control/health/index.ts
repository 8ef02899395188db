export type { Decision, ToldEvidence } from "./decision.ts";
export type { Mark } from "./mark.ts";
export { type HostHealth, type Loads, MeshHealth, type Receipt } from "./mesh-health.ts";
export { type HealthReport, LONGEST_REPORT, readReport } from "./report.ts";
export type { MeshHealthSettings } from "./settings.ts";
