import type { Contribution, MeshObject, ModuleRequest, Plugin } from "../../model/index.ts";
import type { WasmPluginSpec } from "./fields.ts";

/** The name of a built-in filter; undefined for other urls. */
export function builtinOf(url: string): string | undefined {
  return /^builtin:\/\/([^/]+)$/.exec(url)?.[1];
}

/** The url of what stands in for a plugin that is refused. */
export const REFUSED = "refused:";

export function contribute(object: MeshObject<WasmPluginSpec>): Contribution {
  return { plugins: [pluginOf(object)] };
}

export function pluginOf(object: MeshObject<WasmPluginSpec>): Plugin {
  const { metadata, spec } = object;
  const builtin = builtinOf(spec.url);
  const env = spec.vmConfig?.env ?? [];
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    selector: spec.selector?.matchLabels ?? {},
    url: spec.url,
    pluginName: spec.pluginName ?? builtin ?? "",
    pluginConfig: spec.pluginConfig ?? (builtin === undefined ? undefined : {}),
    phase: spec.phase,
    priority: spec.priority,
    match: spec.match.map(({ mode, ports }) => ({ mode, ports: ports.map(({ number }) => number) })),
    module: builtin === undefined ? moduleOf(object) : undefined,
    type: spec.type === "NETWORK" ? "NETWORK" : "HTTP",
    failStrategy: spec.failStrategy ?? (builtin === undefined ? "FAIL_CLOSE" : "FAIL_RELOAD"),
    environment: {
      values: Object.fromEntries(env.filter(({ valueFrom }) => valueFrom === "INLINE").map(({ name, value }) => [name, value ?? ""])),
      host: env.filter(({ valueFrom }) => valueFrom === "HOST").map(({ name }) => name),
    },
    object,
  };
}

/** `Always` is fetched again when anything of the object changes, as in Istio, which goes by its resource version. */
function moduleOf({ metadata, spec }: MeshObject<WasmPluginSpec>): ModuleRequest {
  if (spec.url === REFUSED)
    return { key: JSON.stringify([REFUSED, metadata.namespace, metadata.name]), url: REFUSED, sha256: undefined, pull: "Never" };
  const pull = spec.imagePullPolicy === "Always" && spec.sha256 === undefined ? "Always" : "IfNotPresent";
  const key = pull === "Always" ? ["Always", metadata.namespace, metadata.name, spec] : [spec.url, spec.sha256];
  return { key: JSON.stringify(key), url: spec.url, sha256: spec.sha256, pull };
}
