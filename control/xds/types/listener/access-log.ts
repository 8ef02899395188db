import type { AccessLogSchema } from "../../../envoy-api/generated/envoy/config/accesslog/v3/accesslog_pb.ts";
import type { ProxyView } from "../../../model/index.ts";
import type { Init } from "./init.ts";
import { fileLog, jsonFormat, textFormat } from "./log-format.ts";
import { defaultProviders } from "./provider.ts";
import { providerLogs } from "./provider-log.ts";

export type AccessLog = Init<typeof AccessLogSchema>;

/** Logs of requests and of connections that are passed on as bytes: those of the default providers, else the mesh's `accessLogFile`. */
export function accessLogs(view: ProxyView): AccessLog[] {
  const settings = view.settings();
  const providers = defaultProviders(settings, "accessLogging");
  if (providers.length > 0) return providers.flatMap((provider) => providerLogs(provider, settings));
  const { accessLogFile, accessLogEncoding, accessLogFormat } = settings;
  if (accessLogFile === "") return [];
  return [fileLog(accessLogFile, accessLogEncoding === "JSON" ? jsonFormat(accessLogFormat) : textFormat(accessLogFormat))];
}

/** Logs of connections that no filter chain takes (`NR`): nobody else would write about them. */
export function listenerLogs(view: ProxyView): AccessLog[] {
  if (view.settings().disableEnvoyListenerLog) return [];
  return accessLogs(view).map((log) => ({
    ...log,
    filter: { filterSpecifier: { case: "responseFlagFilter", value: { flags: ["NR"] } } },
  }));
}
