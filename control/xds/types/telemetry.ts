import {
  type ExtensionProvider,
  type MeshSettings,
  type ProxyView,
  type Telemetry,
  telemetryLevels,
  meantHosts,
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

/** The tracer of the proxy's own settings (ProxyConfig's `tracing.zipkin`, `tracing.datadog`), where its host is a service of the mesh. */
export function ownTracer(view: ProxyView): ExtensionProvider | undefined {
  const tracing = view.proxySettings().tracing ?? {};
  for (const type of ["zipkin", "datadog"]) {
    const { address } = (tracing[type] ?? {}) as { readonly address?: string };
    const options = address === undefined ? undefined : placeOf(view, address);
    if (options !== undefined) return { name: type, type, options };
  }
  return undefined;
}

/** The log of the proxy's own settings (`enableEnvoyAccessLogService`, ProxyConfig's `envoyAccessLogService`), where its host is a service of the mesh. */
export function ownAccessLogService(view: ProxyView): ExtensionProvider | undefined {
  const address = view.settings().enableEnvoyAccessLogService ? view.proxySettings().accessLogService : undefined;
  const options = address === undefined ? undefined : placeOf(view, address);
  return options === undefined ? undefined : { name: "envoyAccessLogService", type: "envoyHttpAls", options };
}

/** `HOST:PORT` as the options of a provider have it: the service that clients in the proxy's namespace would find by DNS. */
function placeOf(view: ProxyView, address: string): ExtensionProvider["options"] | undefined {
  const at = address.lastIndexOf(":");
  const service = meantHosts(address.slice(0, at), view.client().namespace, view.settings().domainSuffix).find(
    (host) => view.service(host) !== undefined,
  );
  return service === undefined ? undefined : { service, port: Number(address.slice(at + 1)) };
}
