import { clientOf } from "./configuration/groups.ts";
import { Configurations } from "./configuration/index.ts";
import { type Mesh, MeshProxyView, Reads } from "./mesh/index.ts";
import type { Proxy, ProxySettings } from "./model/index.ts";
import type { Snapshot } from "./xds/server/index.ts";
import { XDS_TYPES } from "./xds/types/index.ts";

export { type OfflineMesh, readMesh } from "./read-mesh.ts";

/** What MeshConfig and the ProxyConfigs that select a proxy say of it. */
export function proxySettingsOf(mesh: Mesh, proxy: Proxy): ProxySettings {
  return new MeshProxyView(mesh, proxy, clientOf(proxy, mesh.labelKeys()), new Reads()).proxySettings();
}

/** What a proxy would get. Throws what a translation throws, which is an error of ours. */
export function translate(mesh: Mesh, proxy: Proxy): Snapshot {
  const { snapshot, failures } = new Configurations(XDS_TYPES, mesh).add(proxy);
  const [failure] = failures;
  if (failure !== undefined) throw failure.error;
  return snapshot;
}
