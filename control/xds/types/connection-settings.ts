import type { ConnectionSettings, ProxyView } from "../../model/index.ts";

/** ProxyConfig's `connectionSettings`; the profile `EDGE` fills in what Envoy advises for proxies that strangers reach, on gateways alone. */
export function connectionSettings(view: ProxyView, isGateway: boolean): ConnectionSettings {
  const settings = view.proxySettings().connectionSettings;
  if (settings.profile !== "EDGE" || !isGateway) return settings;
  const edge: Partial<ConnectionSettings> = {
    httpIdleTimeout: 3_600_000,
    httpStreamIdleTimeout: 300_000,
    httpRequestTimeout: 300_000,
    httpRequestHeadersTimeout: 60_000,
    httpMaxConcurrentStreams: 100,
    http2InitialStreamWindowSize: 65_536,
    http2InitialConnectionWindowSize: 1_048_576,
    httpHeadersWithUnderscoresAction: "REJECT_REQUEST",
    httpMergeSlashes: true,
    httpPathWithEscapedSlashesAction: "UNESCAPE_AND_REDIRECT",
  };
  return { ...settings, ...edge, ...Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) };
}
