import { ExpressionFilterSchema } from "../../../envoy-api/generated/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.ts";
import { pack } from "../../../envoy-api/index.ts";
import { type ExtensionProvider, isForMode, type ProxyView, withProviders } from "../../../model/index.ts";
import type { Side } from "../filter/side.ts";
import { modeOf, ownAccessLogService, providerNamed, telemetries } from "../telemetry.ts";
import { type AccessLog, fileLog, jsonFormat, textFormat } from "./log-format.ts";
import { providerLogs } from "./provider-log.ts";

/** Logs of requests, and of connections that are passed on as bytes: those of the providers that Telemetries and MeshConfig's defaults name, else the mesh's `accessLogFile`, and its own service for logs. */
export function accessLogs(view: ProxyView, side: Side): AccessLog[] {
  const settings = view.settings();
  const providers = logProviders(view, side);
  if (providers !== undefined)
    return providers.flatMap(({ provider, filter }) =>
      providerLogs(provider, settings).map((log) => (filter === undefined ? log : { ...log, filter: expressionFilter(filter) })),
    );
  const { accessLogFile, accessLogEncoding, accessLogFormat } = settings;
  const service = ownAccessLogService(view);
  return [
    ...(accessLogFile === ""
      ? []
      : [fileLog(accessLogFile, accessLogEncoding === "JSON" ? jsonFormat(accessLogFormat) : textFormat(accessLogFormat))]),
    ...(service === undefined ? [] : providerLogs(service, settings)),
  ];
}

/** Logs of connections that no filter chain takes (`NR`): nobody else would write about them. */
export function listenerLogs(view: ProxyView, side: Side): AccessLog[] {
  if (view.settings().disableEnvoyListenerLog) return [];
  return accessLogs(view, side).map((log) => ({ ...log, filter: log.filter === undefined ? NO_ROUTE : both(NO_ROUTE, log.filter) }));
}

interface LogProvider {
  readonly provider: ExtensionProvider;
  /** In CEL. */
  readonly filter: string | undefined;
}

/**
 * Istio's `mergeLogs`: the narrowest level that names providers says which there are; each has what the last rule says that is for it. Undefined where neither a Telemetry nor MeshConfig's
 * `defaultProviders` says anything. A rule that names no providers has its filter for those that it inherits; Istio forgets it there.
 */
function logProviders(view: ProxyView, side: Side): readonly LogProvider[] | undefined {
  const settings = view.settings();
  const defaults = settings.defaultProviders.accessLogging;
  const levels = telemetries(view).filter(({ accessLogging }) => accessLogging.length > 0);
  if (levels.length === 0 && defaults.length === 0) return undefined;
  const mode = modeOf(side);
  const named = levels
    .map(({ accessLogging }) => accessLogging.filter((rule) => isForMode(rule, mode)).flatMap(({ providers }) => providers))
    .findLast((names) => names.length > 0);
  const inScope = new Set(named ?? defaults);
  const found = new Map<string, string | undefined>();
  if (levels.length === 0) for (const name of defaults) found.set(name, undefined);
  const rules = withProviders(
    levels.flatMap(({ accessLogging }) => accessLogging),
    defaults,
  );
  for (const rule of rules) {
    if (!isForMode(rule, mode)) continue;
    for (const name of rule.providers) {
      if (!inScope.has(name)) continue;
      if (rule.disabled === true) found.delete(name);
      else found.set(name, rule.filter);
    }
  }
  return [...found].flatMap(([name, filter]) => {
    const provider = providerNamed(settings, name);
    return provider === undefined ? [] : [{ provider, filter }];
  });
}

type Filter = NonNullable<AccessLog["filter"]>;

const NO_ROUTE: Filter = { filterSpecifier: { case: "responseFlagFilter", value: { flags: ["NR"] } } };

function both(...filters: Filter[]): Filter {
  return { filterSpecifier: { case: "andFilter", value: { filters } } };
}

function expressionFilter(expression: string): Filter {
  const typedConfig = pack(ExpressionFilterSchema, { expression });
  return {
    filterSpecifier: {
      case: "extensionFilter",
      value: { name: "envoy.access_loggers.extension_filters.cel", configType: { case: "typedConfig", value: typedConfig } },
    },
  };
}
