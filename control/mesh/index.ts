export { type Cell, type OwnFact, type OwnFactName, Reads } from "./cell.ts";
export { hostGroup, judgedPorts } from "./host-groups.ts";
export { Mesh, type MeshChange } from "./mesh.ts";
export { keysOf, type PeerChange } from "./peers.ts";
export { MeshProxyView } from "./proxy-view.ts";
