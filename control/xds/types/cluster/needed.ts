import type { HostName, ProxyView } from "../../../model/index.ts";
import { ownAccessLogService, ownTracer } from "../telemetry.ts";

/**
 * Whether Envoy asks for a host's clusters at places where it cannot fetch them on demand: it mirrors requests only to clusters that are there, and so do logs, traces and filters that call
 * a service by the name of its cluster.
 */
export function isNeeded(view: ProxyView, host: HostName): boolean {
  return view.isMirrored(host) || isProvider(view, host) || view.plugins().some(({ pluginConfig }) => speaksOf(pluginConfig, host));
}

/** The proxy's own tracer and log, and MeshConfig's `extensionProviders`, which name a service as `[NAMESPACE/]HOST`. */
function isProvider(view: ProxyView, host: HostName): boolean {
  return [...view.settings().extensionProviders, ownTracer(view), ownAccessLogService(view)].some((provider) => {
    return servicesOf(provider?.options ?? {}).some((service) => service.slice(service.indexOf("/") + 1).toLowerCase() === host);
  });
}

/** Of a provider, and of a part that has one of its own (`opentelemetry.dynatraceSampler.httpService`). */
function servicesOf(options: object): readonly string[] {
  return Object.entries(options).flatMap(([name, value]: [string, unknown]) => {
    if (name === "service") return typeof value === "string" ? [value] : [];
    return typeof value === "object" && value !== null ? servicesOf(value) : [];
  });
}

/** Wherever in a filter's configuration the name of a cluster stands: `outbound|80||HOST`. */
function speaksOf(configuration: unknown, host: HostName): boolean {
  return configuration !== undefined && JSON.stringify(configuration).includes(`|${host}"`);
}
