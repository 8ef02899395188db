import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A private Envoy for the scripts that record what Envoy does with generated input (`record.mts` beside a library). The binary is the
 * one that ENVOY_BIN names. Tests do not start it: they compare with the recorded table.
 */
export class RecordingEnvoy implements AsyncDisposable {
  private readonly process: ChildProcess;
  private readonly directory: string;
  private readonly ports: ReadonlyMap<string, number>;

  private constructor(process: ChildProcess, directory: string, ports: ReadonlyMap<string, number>) {
    this.process = process;
    this.directory = directory;
    this.ports = ports;
  }

  /**
   * Starts an Envoy with one HTTP listener for each entry, name to the fields of its HttpConnectionManager, and where a port is given a
   * cluster `upstream` on it. Throws if Envoy exits.
   */
  static async start(managers: Record<string, object>, upstreamPort?: number): Promise<RecordingEnvoy> {
    const directory = await mkdtemp(join(tmpdir(), "recording-envoy-"));
    const config = join(directory, "envoy.json");
    const addressFile = join(directory, "admin");
    await writeFile(config, JSON.stringify(bootstrap(managers, upstreamPort)));
    const args = ["-c", config, "--admin-address-path", addressFile, "--use-dynamic-base-id", "--concurrency", "1", "-l", "error"];
    const child = spawn(envoyBinary(), args, { stdio: ["ignore", "ignore", "inherit"] });
    for (;;) {
      if (child.exitCode !== null) throw new Error(`Envoy exited with code ${child.exitCode}: its configuration is in ${config}`);
      const address = await readFile(addressFile, "utf8").catch(() => "");
      const ports = address === "" ? undefined : await listenerPorts(address).catch(() => undefined);
      if (ports !== undefined && ports.size === Object.keys(managers).length) return new RecordingEnvoy(child, directory, ports);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends one HTTP/1.1 request with the target as it is (a byte for each character) and returns the status and the headers. */
  async request(listener: string, target: string, headers: Record<string, string> = {}): Promise<RecordedResponse> {
    const port = this.ports.get(listener);
    if (port === undefined) throw new Error(`no listener is called ${listener}`);
    const lines = Object.entries({ Host: "localhost", Connection: "close", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect(port, "127.0.0.1");
    // No half-close: Envoy takes one for a client that has gone.
    socket.write(Buffer.from(`GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1"));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(socket, "close");
    return parseResponse(Buffer.concat(chunks).toString("latin1"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await exited;
    await rm(this.directory, { recursive: true });
  }
}

/** What came back: headers by lower-case name, a byte for each character. */
export interface RecordedResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** Why Envoy refuses this configuration, or null where `--mode validate` accepts it. */
export async function validate(managers: Record<string, object>): Promise<string | null> {
  const directory = await mkdtemp(join(tmpdir(), "recording-envoy-"));
  const config = join(directory, "envoy.json");
  await writeFile(config, JSON.stringify(bootstrap(managers, 1)));
  const child = spawn(envoyBinary(), ["-c", config, "--mode", "validate"], { stdio: ["ignore", "ignore", "pipe"] });
  const log: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => log.push(chunk));
  await once(child, "close");
  await rm(directory, { recursive: true });
  return child.exitCode === 0 ? null : Buffer.concat(log).toString("utf8").trimEnd().replace(/.*\n/s, "");
}

/** Runs `task` over all items, `width` at a time, and returns the results in order. */
export async function mapConcurrently<T, R>(items: readonly T[], width: number, task: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += width) results.push(...(await Promise.all(items.slice(i, i + width).map(task))));
  return results;
}

/** The version line of the binary, for the note in a table. */
export async function envoyVersion(): Promise<string> {
  const child = spawn(envoyBinary(), ["--version"], { stdio: ["ignore", "pipe", "inherit"] });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  await once(child, "close");
  return /\d+\.\d+\.\d+/.exec(Buffer.concat(output).toString("utf8"))?.[0] ?? "unknown";
}

function envoyBinary(): string {
  const binary = process.env["ENVOY_BIN"];
  if (binary === undefined) throw new Error("set ENVOY_BIN to the Envoy binary that the table is recorded from");
  return binary;
}

function bootstrap(managers: Record<string, object>, upstreamPort: number | undefined): object {
  const listeners = Object.entries(managers).map(([name, manager]) => ({
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [{ name: "http", typed_config: { ...connectionManager(name), ...manager } }] }],
  }));
  const endpoint = { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: upstreamPort } } } };
  const cluster = { name: "upstream", load_assignment: { cluster_name: "upstream", endpoints: [{ lb_endpoints: [endpoint] }] } };
  const clusters = upstreamPort === undefined ? [] : [cluster];
  return { admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } }, static_resources: { listeners, clusters } };
}

function connectionManager(name: string): object {
  return {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: name,
    // Else an answer to a bad request keeps its connection for a second.
    delayed_close_timeout: "0s",
    http_filters: [{ name: "router", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } }],
  };
}

async function listenerPorts(admin: string): Promise<Map<string, number>> {
  const response = await fetch(`http://${admin}/listeners?format=json`);
  const body = (await response.json()) as { listener_statuses?: ListenerStatus[] };
  const statuses = body.listener_statuses ?? [];
  return new Map(statuses.map((status) => [status.name, status.local_address.socket_address.port_value]));
}

interface ListenerStatus {
  readonly name: string;
  readonly local_address: { readonly socket_address: { readonly port_value: number } };
}

function parseResponse(text: string): RecordedResponse {
  const [head = ""] = text.split("\r\n\r\n", 1);
  const [statusLine = "", ...lines] = head.split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(statusLine.split(" ")[1] ?? 0), headers };
}
