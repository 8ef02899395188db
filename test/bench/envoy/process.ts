import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findEnvoy, versionOf } from "../../../harness/envoy/release/index.mjs";

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A pinned Envoy of the benchmark, with what `/proc` says about it. */
export class EnvoyProcess implements AsyncDisposable {
  /** Ports by listener name. */
  readonly ports: ReadonlyMap<string, number>;
  private readonly process: ChildProcess;
  private readonly folder: string;
  private readonly admin: string;
  /** Its folder in `/proc`, once it was looked for. */
  private worker: string | undefined;

  private constructor(child: ChildProcess, folder: string, admin: string, ports: ReadonlyMap<string, number>) {
    this.process = child;
    this.folder = folder;
    this.admin = admin;
    this.ports = ports;
  }

  /**
   * Starts Envoy with one worker and waits until it listens.
   *
   * @param core the core to pin it to, from its first instruction on
   * @throws Error with Envoy's log where it refuses the configuration
   */
  static async start(binary: string, bootstrap: object, core: number | undefined): Promise<EnvoyProcess> {
    const folder = await mkdtemp(join(tmpdir(), "meshwright-bench-"));
    const config = join(folder, "envoy.json");
    const address = join(folder, "admin");
    const log = join(folder, "log");
    await writeFile(config, JSON.stringify(bootstrap));
    const own = ["-c", config, "--admin-address-path", address, "--concurrency", "1", "--use-dynamic-base-id", "--disable-hot-restart"];
    const parameters = [...own, "-l", "warning", "--log-path", log];
    const [command, ...rest] = core === undefined ? [binary, ...parameters] : ["taskset", "-c", String(core), binary, ...parameters];
    const child = spawn(command ?? binary, rest, { stdio: "ignore" });
    running.add(child);
    child.once("exit", () => running.delete(child));
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) {
        const lines = await readFile(log, "utf8").catch(() => "");
        await rm(folder, { recursive: true });
        throw new Error(`Envoy exited with code ${child.exitCode}: ${lines.trimEnd().slice(-600)}`);
      }
      const admin = await readFile(address, "utf8").catch(() => "");
      const ports = await listeners(admin);
      if (ports !== undefined) return new EnvoyProcess(child, folder, admin, ports);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  port(listener: string): number {
    const port = this.ports.get(listener);
    if (port === undefined) throw new Error(`there is no listener ${listener}`);
    return port;
  }

  /** Resident memory in bytes. */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, "utf8");
    return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? NaN) * 1024;
  }

  /** Bytes of Envoy's heap that are in use: without its pools and what V8 has. */
  async allocatedBytes(): Promise<number> {
    const memory = (await (await fetch(`http://${this.admin}/memory`)).json()) as { readonly allocated: string };
    return Number(memory.allocated);
  }

  /** Milliseconds on a CPU so far, of all threads that still live. */
  async cpuMilliseconds(): Promise<number> {
    const threads = await readdir(`/proc/${this.pid}/task`);
    const times = threads.map(async (thread) =>
      Number((await readFile(`/proc/${this.pid}/task/${thread}/schedstat`, "utf8")).split(" ")[0]),
    );
    return (await Promise.all(times)).reduce((sum, nanoseconds) => sum + nanoseconds / 1e6, 0);
  }

  /** Nanoseconds that the worker has been on a CPU so far. */
  async workerNanoseconds(): Promise<number> {
    this.worker ??= await findThread(this.pid, "wrk:worker_0");
    return Number((await readFile(`${this.worker}/schedstat`, "utf8")).split(" ")[0]);
  }

  /** What has been counted so far, by name. */
  async counters(): Promise<Map<string, number>> {
    const text = await (await fetch(`http://${this.admin}/stats?type=Counters&usedonly`)).text();
    return new Map(text.split("\n").flatMap((line) => (line === "" ? [] : [counter(line)])));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = this.process.exitCode === null && this.process.signalCode === null ? once(this.process, "exit") : undefined;
    this.process.kill("SIGKILL");
    await exited;
    await rm(this.folder, { recursive: true });
  }
}

async function findThread(pid: number, name: string): Promise<string> {
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    if ((await readFile(`${folder}/comm`, "utf8").catch(() => "")).trim() === name) return folder;
  }
  throw new Error(`process ${pid} has no thread ${name}`);
}

/** The binary that the harness would take, and its version. */
export async function chooseEnvoy(): Promise<{ readonly path: string; readonly version: string }> {
  const found = await findEnvoy(process.env);
  if (found === undefined) throw new Error("there is no Envoy on this machine: `npm run bench` fetches one, or set ENVOY_BIN");
  return { path: found.path, version: (await versionOf(found.path)) ?? "unknown" };
}

async function listeners(admin: string): Promise<Map<string, number> | undefined> {
  if (admin === "") return undefined;
  const response = await fetch(`http://${admin}/listeners?format=json`).catch(() => undefined);
  const body = (await response?.json().catch(() => undefined)) as { listener_statuses?: ListenerStatus[] } | undefined;
  const statuses = body?.listener_statuses ?? [];
  if (statuses.length === 0) return undefined;
  return new Map(statuses.map((status) => [status.name, status.local_address.socket_address.port_value]));
}

function counter(line: string): [name: string, value: number] {
  const colon = line.lastIndexOf(": ");
  return [line.slice(0, colon), Number(line.slice(colon + 2))];
}

interface ListenerStatus {
  readonly name: string;
  readonly local_address: { readonly socket_address: { readonly port_value: number } };
}
