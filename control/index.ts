/**
 * The control service as a library.
 *
 * ```ts
 * await using service = await ControlService.start({ sources: [new DirectorySource(["mesh/"])] });
 * await using xds = await XdsListener.start(service.xds, { port: 15010 });
 * await using admin = await AdminListener.start(service, { port: 15014 });
 * ```
 */
export { AdminListener, type AdminOptions } from "./admin/index.ts";
export { type BootstrapRequest, bootstrapOf, type MadeBootstrap } from "./bootstrap/index.ts";
export { resourcesAsJson } from "./configuration/index.ts";
export { ControlService, type ControlServiceOptions } from "./control-service.ts";
export type { ControlLog } from "./log.ts";
export { MeshIdentity, type MeshIdentityOptions, type Signer, istioCertificateService, newRequest } from "./identity/index.ts";
export { KINDS } from "./kinds/index.ts";
export type { Kind, MeshObject, MeshView, Problem, Proxy, Source, SourceChange } from "./model/index.ts";
export { formatProblem, readProxy } from "./model/index.ts";
export { type OfflineMesh, readMesh, translate } from "./offline.ts";
export { openIdentity, type OpenIdentityOptions } from "./open-identity.ts";
export { DirectorySource } from "./sources/directory/index.ts";
export { MemorySource } from "./sources/memory/index.ts";
export { State } from "./state/index.ts";
export { type ListenOptions, XdsListener } from "./xds/transport/index.ts";
export { XDS_TYPES, type XdsType } from "./xds/types/index.ts";
