import {
  type ExtensionProvider,
  type MeshSettings,
  type ProxyView,
  type Telemetry,
  telemetryLevels,
  tracerHosts,
} from "../../model/index.ts";
import type { Side } from "./filter/side.ts";

/** Telemetries that hold for the proxy's workload, the widest level first. */
export function telemetries(view: ProxyView): readonly Telemetry[] {
  return telemetryLevels(view.policies("Telemetry"), view.settings().rootNamespace, view.client().namespace);
}

/** A gateway counts as a client of the services behind it. */
export function modeOf(side: Side): "CLIENT" | "SERVER" {
  return side === "inbound" ? "SERVER" : "CLIENT";
}

/** A provider by its name, in whatever case (Istio's `fetchProvider`). */
export function providerNamed({ extensionProviders }: MeshSettings, name: string): ExtensionProvider | undefined {
  return extensionProviders.find((provider) => provider.name.toLowerCase() === name.toLowerCase());
}

/** The tracer of the proxy's own settings (ProxyConfig's `tracing.zipkin`, `tracing.datadog`), where its host is a service of the mesh: as clients in the proxy's namespace would find it by DNS. */
export function ownTracer(view: ProxyView): ExtensionProvider | undefined {
  const tracing = view.proxySettings().tracing ?? {};
  for (const type of ["zipkin", "datadog"]) {
    const { address } = (tracing[type] ?? {}) as { readonly address?: string };
    if (address === undefined) continue;
    const at = address.lastIndexOf(":");
    const service = tracerHosts(address.slice(0, at), view.client().namespace, view.settings().domainSuffix).find(
      (host) => view.service(host) !== undefined,
    );
    if (service !== undefined) return { name: type, type, options: { service, port: Number(address.slice(at + 1)) } };
  }
  return undefined;
}
