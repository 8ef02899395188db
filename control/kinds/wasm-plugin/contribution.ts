import type { Contribution, MeshObject } from "../../model/index.ts";
import type { WasmPluginSpec } from "./fields.ts";

/** The name of a built-in filter; undefined for other urls. */
export function builtinOf(url: string): string | undefined {
  return /^builtin:\/\/([^/]+)$/.exec(url)?.[1];
}

export function contribute(object: MeshObject<WasmPluginSpec>): Contribution {
  const { metadata, spec } = object;
  return {
    plugins: [
      {
        name: metadata.name,
        namespace: metadata.namespace,
        selector: spec.selector?.matchLabels ?? {},
        url: spec.url,
        pluginName: spec.pluginName ?? builtinOf(spec.url) ?? metadata.name,
        pluginConfig: spec.pluginConfig,
        phase: spec.phase,
        priority: spec.priority,
        match: spec.match.map(({ mode, ports }) => ({ mode, ports: ports.map(({ number }) => number) })),
        object,
      },
    ],
  };
}
