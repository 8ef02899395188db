/** Meshes in a test: services, sidecars, gateways and the control service, declared in a few lines. */
export type { MeshAnswer, MeshRequest } from "./client.ts";
export { containersUnavailable } from "./container/engine.ts";
export type { ControlService, ProxyStatus } from "./control.ts";
export type { MeshLink } from "./links.ts";
export { type Mesh, type SettleOptions, startMesh } from "./mesh.ts";
export { MeshError, type MeshErrorCode } from "./mesh-error.ts";
export type { Proxy } from "./proxy.ts";
export type { ControlSpec, GatewaySpec, MeshSpec, PortProtocol, ProcessSpec, ServiceSpec, WorkloadSpec } from "./spec.ts";
export type { Gateway, Workload } from "./workload.ts";
