export { type Cell, Reads } from "./cell.ts";
export { Mesh, type MeshChange } from "./mesh.ts";
export { MeshProxyView } from "./proxy-view.ts";
