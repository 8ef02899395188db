import type { Contribution, MeshObject, ProxySettings } from "../../model/index.ts";
import type { ProxyConfigSpec } from "./fields.ts";

export function contribute(object: MeshObject<ProxyConfigSpec>): Contribution {
  const { metadata, spec } = object;
  const settings: Partial<ProxySettings> = {
    ...(spec.concurrency === undefined ? {} : { concurrency: spec.concurrency }),
    ...(spec.environmentVariables === undefined ? {} : { environmentVariables: spec.environmentVariables }),
  };
  const selector = spec.selector?.matchLabels ?? {};
  return { proxySettings: [{ name: metadata.name, namespace: metadata.namespace, selector, settings, object }] };
}
