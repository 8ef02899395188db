import type { Json } from "./bootstrap/index.ts";
import { clientOf } from "./configuration/groups.ts";
import { Configurations } from "./configuration/index.ts";
import { readAnnotation } from "./kinds/mesh-config/index.ts";
import { type Mesh, MeshProxyView, Reads } from "./mesh/index.ts";
import type { Proxy, ProxySettings } from "./model/index.ts";
import type { Snapshot } from "./xds/server/index.ts";
import { patchBootstrap } from "./xds/patches/bootstrap.ts";
import { XDS_TYPES } from "./xds/types/index.ts";

export { type MeshJudge, type OfflineMesh, readMesh } from "./read-mesh.ts";
export { MeshProver } from "./prove-mesh.ts";

/** What MeshConfig and the ProxyConfigs that select a proxy say of it. */
export function proxySettingsOf(mesh: Mesh, proxy: Proxy): ProxySettings {
  return new MeshProxyView(mesh, proxy, clientOf(proxy, mesh), new Reads()).proxySettings();
}

/**
 * What EnvoyFilters make of what a proxy starts with.
 *
 * @param tell hears of a patch that cannot be applied
 */
export function patchedBootstrap(mesh: Mesh, proxy: Proxy, bootstrap: Json, tell: (problem: string) => void): Json {
  const view = new MeshProxyView(mesh, proxy, clientOf(proxy, mesh), new Reads());
  return patchBootstrap(view, bootstrap, tell);
}

/** What the annotation `proxy.istio.io/config` of its pod says of it. */
export function podConfigOf(mesh: Mesh, proxy: Proxy): Readonly<Record<string, unknown>> {
  return readAnnotation(mesh.saidOf(proxy).proxyConfig ?? "") ?? {};
}

/** What a proxy would get. Throws what a translation throws, which is an error of ours. */
export function translate(mesh: Mesh, proxy: Proxy): Snapshot {
  const { snapshot, failures } = new Configurations(XDS_TYPES, mesh).add(proxy);
  const [failure] = failures;
  if (failure !== undefined) throw failure.error;
  return snapshot;
}
