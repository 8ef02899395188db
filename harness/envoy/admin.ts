import { Agent, request as httpRequest } from "node:http";
import { EnvoyError } from "./errors.ts";

/** Envoy's JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** A histogram since Envoy started. */
export interface Histogram {
  readonly count: number;
}

export interface Stats {
  /** Counters and gauges by name. */
  readonly values: Readonly<Record<string, number>>;
  /** Text readouts by name. */
  readonly texts: Readonly<Record<string, string>>;
  readonly histograms: Readonly<Record<string, Histogram>>;
}

export interface HostStatus {
  /** `ip:port`. */
  readonly address: string;
  /** `eds_health_status` and the flags that are set, for instance `failed_outlier_check`. */
  readonly health: Readonly<Record<string, unknown>>;
  readonly stats: Readonly<Record<string, number>>;
}

export interface ClusterStatus {
  readonly name: string;
  readonly hosts: readonly HostStatus[];
}

export interface ServerInfo {
  /** For instance `1.40.0`. */
  readonly version: string;
  readonly state: "LIVE" | "DRAINING" | "PRE_INITIALIZING" | "INITIALIZING";
  readonly raw: Json;
}

export interface MemoryUse {
  readonly allocated: number;
  readonly heapSize: number;
}

export type EnvoyLogLevel = "trace" | "debug" | "info" | "warning" | "error" | "critical" | "off";

/** Typed access to the admin interface of one Envoy. Everything rejects with {@link EnvoyError} `admin` where Envoy does not answer with 200. */
export class Admin {
  readonly host: string;
  readonly port: number;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 4 });

  constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
  }

  /** `/ready`: whether Envoy serves. */
  async ready(): Promise<boolean> {
    return (await this.exchange("GET", "/ready")).status === 200;
  }

  /**
   * `/stats`.
   *
   * @param filter a regular expression that names must match somewhere. Default: all
   */
  async stats(filter?: string): Promise<Stats> {
    const query = `/stats?format=json&histogram_buckets=cumulative${filter === undefined ? "" : `&filter=${encodeURIComponent(filter)}`}`;
    const { stats } = (await this.json(query)) as unknown as { stats: readonly RawStat[] };
    const values: Record<string, number> = {};
    const texts: Record<string, string> = {};
    const histograms: Record<string, Histogram> = {};
    for (const stat of stats) {
      if ("histograms" in stat) {
        for (const { name, totals, buckets } of stat.histograms) histograms[name] = { count: countOf(totals ?? buckets) };
      } else if (typeof stat.value === "number") values[stat.name] = stat.value;
      else texts[stat.name] = stat.value;
    }
    return { values, texts, histograms };
  }

  /** `/config_dump`. */
  async configDump(options: { readonly resource?: string; readonly includeEds?: boolean } = {}): Promise<Json> {
    const query = new URLSearchParams();
    if (options.resource !== undefined) query.set("resource", options.resource);
    if (options.includeEds === true) query.set("include_eds", "");
    return this.json(`/config_dump?${query.toString()}`);
  }

  /** `/clusters`, with the health and counters of every host. */
  async clusters(): Promise<readonly ClusterStatus[]> {
    const { cluster_statuses: statuses = [] } = (await this.json("/clusters?format=json")) as { cluster_statuses?: readonly RawCluster[] };
    return statuses.map(({ name, host_statuses: hosts = [] }) => ({
      name,
      hosts: hosts.map((host) => ({
        address: addressText(host.address),
        health: host.health_status ?? {},
        stats: Object.fromEntries((host.stats ?? []).map((stat) => [stat.name, Number(stat.value ?? 0)])),
      })),
    }));
  }

  /** `/listeners`: the addresses that are bound, by listener name. */
  async listeners(): Promise<ReadonlyMap<string, { readonly host: string; readonly port: number }>> {
    const { listener_statuses: statuses = [] } = (await this.json("/listeners?format=json")) as {
      listener_statuses?: readonly RawListener[];
    };
    const bound = new Map<string, { host: string; port: number }>();
    for (const { name, local_address: local } of statuses) {
      const socket = local?.socket_address;
      if (socket !== undefined) bound.set(name, { host: socket.address, port: socket.port_value ?? 0 });
    }
    return bound;
  }

  /** `/logging`: changes the level of some loggers, and returns the levels of all. */
  async logging(levels: Readonly<Record<string, EnvoyLogLevel>> = {}): Promise<Readonly<Record<string, string>>> {
    const paths = Object.entries(levels).map(([name, level]) => `${name}:${level}`);
    const text = await this.text("POST", `/logging${paths.length === 0 ? "" : `?paths=${paths.join(",")}`}`);
    const lines = text.split("\n").map((line) => /^\s+(\S+): (\S+)$/.exec(line));
    return Object.fromEntries(lines.flatMap((match) => (match === null ? [] : [[match[1] ?? "", match[2] ?? ""]])));
  }

  /** `/drain_listeners`: stops accepting; with `graceful`, connections are asked to leave first. */
  async drain(options: { readonly graceful?: boolean; readonly inboundOnly?: boolean } = {}): Promise<void> {
    const flags = [...(options.graceful === true ? ["graceful"] : []), ...(options.inboundOnly === true ? ["inboundonly"] : [])];
    await this.text("POST", `/drain_listeners${flags.length === 0 ? "" : `?${flags.join("&")}`}`);
  }

  /** `/memory`, bytes. */
  async memory(): Promise<MemoryUse> {
    const raw = await this.json("/memory");
    return { allocated: Number(raw["allocated"]), heapSize: Number(raw["heap_size"]) };
  }

  /** `/server_info`. */
  async serverInfo(): Promise<ServerInfo> {
    const raw = await this.json("/server_info");
    const version = String(raw["version"]).split("/")[1] ?? "";
    return { version, state: raw["state"] as ServerInfo["state"], raw };
  }

  /** Any other path. */
  async text(method: "GET" | "POST", path: string): Promise<string> {
    const { status, body } = await this.exchange(method, path);
    if (status !== 200) throw new EnvoyError("admin", `${method} ${path} of Envoy's admin interface: ${status} ${body.trim()}`);
    return body;
  }

  async json(path: string): Promise<Json> {
    return JSON.parse(await this.text("GET", path)) as Json;
  }

  /** Closes the connections kept open. */
  close(): void {
    this.agent.destroy();
  }

  private exchange(method: "GET" | "POST", path: string): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const fail = (cause: Error) =>
        reject(new EnvoyError("admin", `Envoy's admin interface does not answer: ${cause.message}`, [], { cause }));
      const request = httpRequest({ host: this.host, port: this.port, method, path, agent: this.agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }));
      });
      request.setTimeout(10_000, () => request.destroy(new Error("no answer within 10 s")));
      request.on("error", fail);
      request.end();
    });
  }
}

type RawBuckets = ReadonlyArray<{ readonly count?: number; readonly cumulative?: number; readonly interval?: number }>;
type RawStat =
  | { readonly name: string; readonly value: number | string }
  | { readonly histograms: ReadonlyArray<{ readonly name: string; readonly totals?: RawBuckets; readonly buckets: RawBuckets }> };

interface RawAddress {
  readonly socket_address?: { readonly address: string; readonly port_value?: number };
  readonly pipe?: { readonly path: string };
}

interface RawCluster {
  readonly name: string;
  readonly host_statuses?: ReadonlyArray<{
    readonly address?: RawAddress;
    readonly health_status?: Readonly<Record<string, unknown>>;
    readonly stats?: ReadonlyArray<{ readonly name: string; readonly value?: string }>;
  }>;
}

interface RawListener {
  readonly name: string;
  readonly local_address?: RawAddress;
}

/** The last bucket of a cumulative histogram holds all records. */
function countOf(buckets: RawBuckets): number {
  const last = buckets.at(-1);
  return last?.cumulative ?? last?.count ?? 0;
}

function addressText(address: RawAddress | undefined): string {
  const socket = address?.socket_address;
  if (socket === undefined) return address?.pipe?.path ?? "";
  return `${socket.address.includes(":") ? `[${socket.address}]` : socket.address}:${socket.port_value ?? 0}`;
}
