/** In what two meshes differ, and for which proxies: as a control service would carry the change out. */
export { compareMeshes, type MeshDifference, type ObjectChange, type ProxyGroup, type SnapshotPair, type Surroundings } from "./compare.ts";
export { changedFields, type FieldChange } from "./fields.ts";
export type { ProblemsDifference, ToldProblem } from "./problems.ts";
export { compareSnapshots, type ResourceChange, type ResourceChangeKind, type SnapshotDifference } from "./resources.ts";
export { meshSides, type MeshSources, type Sides } from "./sides.ts";
export { workloadProxies } from "./workload-proxies.ts";
