import { Code, type FieldPath, type MeshObject, type MeshView, type Report, meantHosts } from "../../model/index.ts";
import { checkExportTo } from "../../model/parts/index.ts";
import type { MeshConfigSpec } from "./fields.ts";
import { settingsOf } from "./settings.ts";

/** Istio's `ValidateMeshConfig`. */
export function check(object: MeshObject<MeshConfigSpec>, report: Report): void {
  const { spec } = object;
  if (spec.proxyListenPort === spec.proxyInboundListenPort)
    report(
      "error",
      Code.Value,
      ["proxyInboundListenPort"],
      "must not be proxyListenPort: redirected connections of both directions could not be told apart",
    );
  if (spec.outboundTrafficPolicy?.mode === "ALLOW_ANY_DYNAMIC_DNS")
    report(
      "error",
      Code.Refused,
      ["outboundTrafficPolicy", "mode"],
      `"ALLOW_ANY_DYNAMIC_DNS" is not supported: proxies of this mesh have no dynamic forward proxy; write ALLOW_ANY`,
    );
  for (const field of ["defaultServiceExportTo", "defaultVirtualServiceExportTo", "defaultDestinationRuleExportTo"] as const)
    checkExportTo(spec[field], "", { none: field === "defaultServiceExportTo" }, (level, code, path, message) =>
      report(level, code, [field, ...path.slice(2)], message),
    );
  checkWithoutEffect(spec, report);
  checkFormat(spec, report);
  checkProviders(object, report);
  checkAccessLogService(object.spec, report);
}

/** What every installation of Istio writes into its ConfigMap, though it is only for Istio's own agent: no reason to refuse all of it. */
function checkWithoutEffect({ defaultConfig, enablePrometheusMerge }: MeshConfigSpec, report: Report): void {
  const without = (path: FieldPath, why: string): void => report("info", Code.Surprise, path, `has no effect: ${why}`);
  if (defaultConfig?.discoveryAddress !== undefined)
    without(["defaultConfig", "discoveryAddress"], "the bootstrap of a proxy says where its control service is");
  if (enablePrometheusMerge !== undefined) without(["enablePrometheusMerge"], "Istio's agent merges; scrape Envoy's /stats/prometheus");
}

function checkFormat({ accessLogEncoding, accessLogFormat }: MeshConfigSpec, report: Report): void {
  if (accessLogEncoding !== "JSON" || accessLogFormat === "") return;
  try {
    const value: unknown = JSON.parse(accessLogFormat);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  } catch {
    // Told below.
  }
  report("error", Code.Value, ["accessLogFormat"], "with accessLogEncoding JSON it has to be a JSON object of texts");
}

const USES: Readonly<Record<"tracing" | "metrics" | "accessLogging", readonly string[]>> = {
  tracing: ["zipkin", "datadog", "skywalking", "opentelemetry"],
  metrics: ["prometheus"],
  accessLogging: ["envoyFileAccessLog", "envoyHttpAls", "envoyTcpAls", "envoyOtelAls"],
};

function checkAccessLogService({ enableEnvoyAccessLogService, defaultConfig }: MeshConfigSpec, report: Report): void {
  const isGiven = defaultConfig?.envoyAccessLogService?.address !== undefined;
  if (enableEnvoyAccessLogService && !isGiven)
    report(
      "error",
      Code.Missing,
      ["enableEnvoyAccessLogService"],
      "defaultConfig.envoyAccessLogService.address says where logs are sent, and is missing",
    );
  if (!enableEnvoyAccessLogService && isGiven)
    report(
      "warning",
      Code.Surprise,
      ["defaultConfig", "envoyAccessLogService"],
      "without enableEnvoyAccessLogService nothing is sent there",
    );
}

function checkProviders(object: MeshObject<MeshConfigSpec>, report: Report): void {
  const { spec } = object;
  for (const [index, { name }] of spec.extensionProviders.entries())
    if (spec.extensionProviders.slice(0, index).some((earlier) => earlier.name === name))
      report("error", Code.Duplicate, ["extensionProviders", index, "name"], `provider ${JSON.stringify(name)} stands there twice`);
  const known = new Map(settingsOf(object).extensionProviders.map(({ name, type }) => [name, type]));
  for (const use of Object.keys(USES) as (keyof typeof USES)[]) {
    for (const [index, name] of (spec.defaultProviders?.[use] ?? []).entries()) {
      const type = known.get(name);
      const path: FieldPath = ["defaultProviders", use, index];
      if (type === undefined) report("error", Code.Value, path, `there is no provider ${JSON.stringify(name)} among extensionProviders`);
      else if (!USES[use].includes(type))
        report("error", Code.Value, path, `provider ${JSON.stringify(name)} is of type ${type}, which is none for ${use}`);
    }
  }
}

/** Whether the services that providers speak to are there. */
export function checkInMesh({ spec }: MeshObject<MeshConfigSpec>, mesh: MeshView, report: Report): void {
  const { tracing, envoyAccessLogService } = spec.defaultConfig ?? {};
  const places: readonly (readonly [path: FieldPath, address: string | undefined, what: string])[] = [
    [["tracing", "zipkin"], tracing?.zipkin?.address, "no spans are sent"],
    [["tracing", "datadog"], tracing?.datadog?.address, "no spans are sent"],
    [["envoyAccessLogService"], envoyAccessLogService?.address, "no logs are sent"],
  ];
  for (const [path, address, what] of places) {
    if (address !== undefined && !hasService(address.slice(0, address.lastIndexOf(":")), mesh))
      report("error", "IST0101", ["defaultConfig", ...path, "address"], `there is no service for ${address}; ${what}`);
  }
  for (const [index, { type, options }] of spec.extensionProviders.entries())
    checkService(options, ["extensionProviders", index, type], mesh, report);
}

/** Of a provider, and of what in it has a service of its own. */
function checkService(options: object, path: FieldPath, mesh: MeshView, report: Report): void {
  for (const [name, value] of Object.entries(options) as [string, unknown][])
    if (typeof value === "object" && value !== null && !Array.isArray(value)) checkService(value, [...path, name], mesh, report);
  const { service, port } = options as { readonly service?: unknown; readonly port?: unknown };
  if (typeof service !== "string" || typeof port !== "number") return;
  const slash = service.indexOf("/");
  const [namespace, host] = [slash < 0 ? undefined : service.slice(0, slash), service.slice(slash + 1).toLowerCase()];
  const services = mesh.servicesOf(host).filter((each) => namespace === undefined || each.namespace === namespace);
  if (services.length === 0) report("error", "IST0101", [...path, "service"], `there is no service ${service}`);
  else if (!services.some(({ ports }) => ports.some(({ number }) => number === port)))
    report("error", "IST0101", [...path, "port"], `service ${service} has no port ${port}`);
}

/** A name of one label is looked for in each proxy's own namespace. */
function hasService(written: string, mesh: MeshView): boolean {
  const namespaces = written.includes(".") ? [""] : mesh.services().map(({ namespace }) => namespace);
  const hosts = namespaces.flatMap((namespace) => meantHosts(written, namespace, mesh.settings.domainSuffix));
  return hosts.some((host) => mesh.servicesOf(host).length > 0);
}
