import type { Evidences } from "./evidence.ts";

const SELECTED = "cli/commands/proxy.test.ts: is what the ProxyConfig says that selects it, before MeshConfig and those of the namespace";

export const proxyConfig: Evidences = {
  "selector.matchLabels": SELECTED,
  concurrency: SELECTED,
  environmentVariables: SELECTED,
};
