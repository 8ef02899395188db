import { resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type BootstrapRequest,
  type ControlTls,
  type ListenAddress,
  type Locality,
  mergeProxyConfigs,
  readAddress,
} from "../../control/bootstrap/index.ts";
import { ON_DEMAND_KEY } from "../../control/model/proxy.ts";
import { CliError, ExitCode } from "../cli-error.ts";

/** What `bootstrap` and `proxy` have in common. */
export interface ProxyOptions {
  readonly file?: readonly string[];
  readonly meshConfig?: string;
  readonly proxy?: string;
  readonly control?: ListenAddress;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly locality?: Locality;
  readonly admin?: ListenAddress;
  readonly statusPort?: number;
  readonly prometheusPort?: number;
  readonly stateOfTheWorld?: true;
  readonly onDemand?: true;
  readonly controlCa?: string;
  readonly controlCert?: string;
  readonly controlKey?: string;
  readonly controlName?: string;
  readonly dnsResolver?: readonly ListenAddress[];
  readonly maxConnections?: number;
  readonly maxHeap?: number;
  readonly stats: "istio" | "all";
}

export function addProxyOptions(command: Command): Command {
  return command
    .option("--proxy <node-id>", "Istio's node id: TYPE~IP~NAME.NAMESPACE~DOMAIN, TYPE sidecar or router (required)")
    .option("--control <host:port>", "the control service (required)", address)
    .option(
      "-f, --file <path...>",
      "directories or files with the objects of the mesh: what MeshConfig and ProxyConfig say of proxies holds, and the probe of its WorkloadGroup",
    )
    .option("--mesh-config <file>", "Istio's MeshConfig, for its defaultConfig")
    .option("--metadata <json>", "Istio's node metadata: LABELS, SERVICE_ACCOUNT, INSTANCE_IPS, PROXY_CONFIG, ...", metadata)
    .option("--locality <region/zone/subzone>", "where the proxy is (default: what its labels say)", locality)
    .option("--admin <host:port>", "Envoy's admin interface (default: 127.0.0.1:15000)", address)
    .option("--status-port <port>", "/healthz/ready; 0: any that is free (default: 15021)", port)
    .option("--prometheus-port <port>", "/stats/prometheus; 0: any that is free (default: 15090)", port)
    .option("--state-of-the-world", "get all resources of a type with each change, not what changed")
    .option("--on-demand", "get routes and clusters when a request wants them (default: as the control service has it)")
    .option("--control-ca <file>", "TLS to the control service: authorities of its certificate, PEM")
    .option("--control-cert <file>", "TLS to the control service: this proxy's certificate, PEM")
    .option("--control-key <file>", "TLS to the control service: the key of --control-cert")
    .option("--control-name <name>", "TLS to the control service: the name in its certificate (default: the host of --control)")
    .option("--dns-resolver <ip:port>", "a name server; may be repeated (default: those of the machine)", collect)
    .option("--max-connections <count>", "connections of all clients together (default: 50000)", count)
    .option("--max-heap <bytes>", "memory beyond which new requests get 503 (default: no limit)", count)
    .addOption(
      new Option("--stats <which>", "statistics to keep: what Istio's proxies keep, or all").choices(["istio", "all"]).default("istio"),
    );
}

/**
 * What the options say; where they name objects of the mesh, what these say of the proxy is in its `PROXY_CONFIG`, under what stands there already. Paths become absolute: Envoy is
 * not always started where this command is.
 *
 * @param tell hears each error of an object; the others count
 */
export async function requestOf(options: ProxyOptions, tell: (problem: string) => void): Promise<BootstrapRequest> {
  const request = ofOptions(options);
  const { file = [], meshConfig } = options;
  if (file.length === 0 && meshConfig === undefined) return request;
  const { proxyConfigIn } = await import("./proxy-config.ts");
  const { nodeId, metadata = {} } = request;
  const { config: objects, patch } = await proxyConfigIn(file, meshConfig, { id: nodeId, metadata }, tell);
  const { PROXY_CONFIG: given = {} } = metadata;
  // What is none is refused where the bootstrap is made.
  const merged = typeof given === "object" && given !== null && !Array.isArray(given) ? mergeProxyConfigs(objects, { ...given }) : given;
  return { ...request, metadata: { ...metadata, PROXY_CONFIG: merged }, patch };
}

function ofOptions(options: ProxyOptions): BootstrapRequest {
  const tls = tlsOf(options);
  const { proxy, control } = options;
  if (proxy === undefined) throw new CliError(ExitCode.Usage, "required option '--proxy <node-id>' not specified");
  if (control === undefined) throw new CliError(ExitCode.Usage, "required option '--control <host:port>' not specified");
  if (options.onDemand === true && options.stateOfTheWorld === true)
    throw new CliError(ExitCode.Usage, "--on-demand asks for single resources, which --state-of-the-world cannot: leave one of them out");
  return {
    nodeId: proxy,
    control,
    apiType: options.stateOfTheWorld === true ? "GRPC" : "DELTA_GRPC",
    stats: options.stats,
    dnsResolvers: options.dnsResolver ?? [],
    ...(options.metadata !== undefined && { metadata: options.metadata }),
    ...(options.onDemand === true && { metadata: { ...options.metadata, [ON_DEMAND_KEY]: "true" } }),
    ...(options.locality !== undefined && { locality: options.locality }),
    ...(options.admin !== undefined && { admin: options.admin }),
    ...(options.statusPort !== undefined && { statusPort: options.statusPort }),
    ...(options.prometheusPort !== undefined && { prometheusPort: options.prometheusPort }),
    ...(options.maxConnections !== undefined && { maxConnections: options.maxConnections }),
    ...(options.maxHeap !== undefined && { maxHeapSize: options.maxHeap }),
    ...(tls !== undefined && { controlTls: tls }),
  };
}

function tlsOf({ controlCa, controlCert, controlKey, controlName }: ProxyOptions): ControlTls | undefined {
  if ((controlCert === undefined) !== (controlKey === undefined)) {
    throw new CliError(ExitCode.Usage, "--control-cert and --control-key belong together: give both or none");
  }
  if (controlCa === undefined) {
    if (controlCert === undefined && controlName === undefined) return undefined;
    throw new CliError(ExitCode.Usage, "TLS to the control service needs --control-ca, the authorities of its certificate");
  }
  return {
    caFile: resolve(controlCa),
    ...(controlCert !== undefined && { certificateFile: resolve(controlCert) }),
    ...(controlKey !== undefined && { keyFile: resolve(controlKey) }),
    ...(controlName !== undefined && { serverName: controlName }),
  };
}

function address(text: string): ListenAddress {
  const read = readAddress(text);
  if (typeof read === "string") throw new InvalidArgumentError(read);
  return read;
}

function collect(text: string, before: readonly ListenAddress[] = []): ListenAddress[] {
  return [...before, address(text)];
}

function metadata(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw new InvalidArgumentError(`no JSON: ${(error as Error).message}`);
  }
  throw new InvalidArgumentError('expected an object, such as {"LABELS": {"app": "reviews"}}');
}

function locality(text: string): Locality {
  const [region = "", zone = "", subZone = "", ...rest] = text.split("/");
  if (region === "" || rest.length > 0) throw new InvalidArgumentError("expected REGION, REGION/ZONE or REGION/ZONE/SUBZONE");
  return { region, zone, subZone };
}

export function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError("expected a port, 0 to 65535");
  return value;
}

export function whole(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("expected a whole number");
  return Number(text);
}

/** Milliseconds: `5s`, `500ms`, `1m`. */
export function duration(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("expected a time, such as 5s, 500ms or 1m");
  return Number(match[1]) * (match[2] === "ms" ? 1 : match[2] === "s" ? 1000 : 60_000);
}

export function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) throw new InvalidArgumentError("expected a whole number above 0");
  return value;
}
