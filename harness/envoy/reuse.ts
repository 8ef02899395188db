import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { binaryProvider, startProcess, type EnvoyProcess } from "./binary.ts";
import {
  address,
  connectionManager,
  httpWasm,
  type Bootstrap,
  type Cluster,
  type Extension,
  type Listener,
  type PluginConfig,
} from "./bootstrap/index.ts";
import { pluginConfig } from "./chain/plugin.ts";
import { EnvoyLog } from "./log.ts";
import type { EnvoyOptions, EnvoyProvider, StartedEnvoy } from "./provider.ts";

/** Milliseconds for which an Envoy that nobody uses is kept. One that is forgotten ends with this process. */
const IDLE = 10_000;
/** Milliseconds until listeners and clusters have come or gone; what takes longer gets an Envoy of its own. */
const PATIENCE = 10_000;
/** Milliseconds in which nothing of what is left goes: it stays, as a module's VMs do in Envoy up to 1.38 where two ids had it. */
const STUCK = 1_000;
/** Modules whose code is kept compiled, in one Envoy. */
const MODULES = 8;
/** VMs of a module in an Envoy of one worker: the one that the others are cloned from, the main thread's and the worker's. */
const VMS = 3;
/** What tells whether the lists have been taken, and whether anything of an earlier one is left. */
const STATE =
  "^(cluster_manager\\.(cds\\.(version_text|update_rejected)|active_clusters)|listener_manager\\.(lds\\.(version_text|update_rejected)|total_listeners_draining|listener_create_success)|wasm\\.envoy\\.wasm\\.runtime\\.v8\\.active|filesystem\\.write_total_buffered)$|wasmcustom\\.";

/** Envoys that nobody uses now, by what cannot be changed in a running one. */
const idle = new Map<string, ReusedEnvoy>();

/**
 * As {@link binaryProvider}, for bootstraps of listeners and clusters that are alike in the rest: an Envoy that is disposed of takes the next ones.
 * Most of what a start costs is compiling modules, which this saves. Before it is used again, every listener, cluster, VM (and with the last
 * VM of an id its shared data and queues) and metric of a filter is gone; where one is not, Envoy ends. What Envoy refuses here is given
 * to an Envoy of its own, which says why.
 */
export const reusingProvider: EnvoyProvider = {
  ...binaryProvider,
  async start(bootstrap: Bootstrap, options: EnvoyOptions = {}): Promise<StartedEnvoy> {
    const { node, static_resources: resources = {}, stats_flush_on_admin: _, ...rest } = bootstrap;
    // Envoy asks for both where lists come from outside.
    const named = node?.id !== undefined && node.id !== "" && node.cluster !== undefined && node.cluster !== "";
    const key = JSON.stringify([node, options]);
    if (!named || Object.keys(rest).length > 0 || resources.secrets !== undefined) return binaryProvider.start(bootstrap, options);
    const known = idle.get(key);
    idle.delete(key);
    const envoy = known ?? (await ReusedEnvoy.start(key, node, options));
    try {
      return await envoy.take(resources.listeners ?? [], resources.clusters ?? []);
    } catch {
      await envoy.end();
      return binaryProvider.start(bootstrap, options);
    }
  },
};

/** An Envoy that reads its listeners and clusters from files, which are replaced. */
class ReusedEnvoy {
  private readonly key: string;
  private readonly process: EnvoyProcess;
  private version = 0;
  /** Plugins that run nothing, by the path of their module: V8 compiles the same bytes once for a process, as long as one VM has them. */
  private readonly modules = new Map<string, PluginConfig>();
  private timer: NodeJS.Timeout | undefined;

  private constructor(key: string, process: EnvoyProcess) {
    this.key = key;
    this.process = process;
  }

  static async start(key: string, node: Bootstrap["node"], options: EnvoyOptions): Promise<ReusedEnvoy> {
    const process = await startProcess(
      async (folder) => {
        await put(folder, "cds", 0, []);
        await put(folder, "lds", 0, []);
        const resources = { cds_config: source(folder, "cds"), lds_config: source(folder, "lds") };
        return { ...(node !== undefined && { node }), dynamic_resources: resources, stats_flush_on_admin: true };
      },
      { ...options, drainTime: 0 },
    );
    return new ReusedEnvoy(key, process);
  }

  /** The view of it that has these and none before. Rejects where Envoy does not take them. */
  async take(listeners: readonly Listener[], clusters: readonly Cluster[]): Promise<StartedEnvoy> {
    clearTimeout(this.timer);
    this.process.keepAlive(true);
    const { process } = this;
    process.log.refresh();
    const log = new EnvoyLog(() => process.log.refresh());
    const unsubscribe = process.log.subscribe((entry) => log.add(entry));
    await this.replace([...this.kept(), ...listeners], clusters);
    const bound = await process.admin.listeners();
    for (const code of modulesOf([...listeners, ...clusters])) this.keep(code);
    return {
      admin: process.admin,
      log,
      pid: process.pid,
      exited: process.exited,
      address(name) {
        const listener = bound.get(name);
        if (listener === undefined) throw new Error(`Envoy has no listener ${name}; it has ${listeners.map((one) => one.name).join(", ")}`);
        return listener;
      },
      [Symbol.asyncDispose]: async () => {
        const clean = await this.clear().catch(() => false);
        process.log.refresh();
        unsubscribe();
        if (clean && !idle.has(this.key)) this.rest();
        else await this.end();
      },
    };
  }

  async end(): Promise<void> {
    clearTimeout(this.timer);
    await this.process[Symbol.asyncDispose]();
  }

  private rest(): void {
    idle.set(this.key, this);
    this.process.keepAlive(false);
    this.timer = setTimeout(() => {
      if (idle.get(this.key) === this) idle.delete(this.key);
      void this.end();
    }, IDLE).unref();
  }

  /** Whether nothing is left of what was taken. */
  private async clear(): Promise<boolean> {
    if (!this.process.running || this.modules.size > MODULES) return false;
    await this.replace(this.kept(), []);
    let state = "";
    let since = 0;
    for (const end = performance.now() + PATIENCE; performance.now() < end; await pause()) {
      const { values } = await this.process.admin.stats(STATE);
      if (state !== (state = JSON.stringify(values))) since = performance.now();
      else if (performance.now() > since + STUCK) return false;
      const left =
        (values["wasm.envoy.wasm.runtime.v8.active"] ?? 0) !== VMS * this.modules.size ||
        (values["listener_manager.total_listeners_draining"] ?? 0) > 0 ||
        (values["cluster_manager.active_clusters"] ?? 0) > 0 ||
        (values["filesystem.write_total_buffered"] ?? 0) > 0 ||
        Object.keys(values).some((name) => name.includes("wasmcustom."));
      if (!left) return this.passWorkers(values["listener_manager.listener_create_success"] ?? 0);
    }
    return false;
  }

  /**
   * A counter lives on, and has its value, until Envoy's worker has dropped it from its cache, which no list shows. The worker is told before it
   * is told of another listener, and that one counts as made when it has it.
   */
  private async passWorkers(made: number): Promise<boolean> {
    await this.replace([...this.kept(), unbound(`pass ${this.version}`, 100 + (this.version % 1_000), [])], []);
    for (const end = performance.now() + PATIENCE; performance.now() < end; await pause()) {
      const { values } = await this.process.admin.stats(STATE);
      if ((values["listener_manager.listener_create_success"] ?? 0) > made) return true;
    }
    return false;
  }

  /** Clusters first: a listener is refused whose routes name one that is not there. */
  private async replace(listeners: readonly Listener[], clusters: readonly Cluster[]): Promise<void> {
    const version = String(++this.version);
    const added = clusters.length > 0;
    await put(this.process.folder, added ? "cds" : "lds", this.version, added ? clusters : listeners);
    await this.taken(added ? "cluster_manager.cds" : "listener_manager.lds", version);
    await put(this.process.folder, added ? "lds" : "cds", this.version, added ? listeners : clusters);
    await this.taken(added ? "listener_manager.lds" : "cluster_manager.cds", version);
  }

  private async taken(list: string, version: string): Promise<void> {
    for (const end = performance.now() + PATIENCE; performance.now() < end; await pause()) {
      const { values, texts } = await this.process.admin.stats(STATE);
      if (texts[`${list}.version_text`] === version) return;
      if ((values[`${list}.update_rejected`] ?? 0) > 0) throw new Error(`Envoy refuses ${list}`);
    }
    throw new Error(`Envoy does not take ${list} in ${PATIENCE} ms`);
  }

  private keep(filename: string): void {
    if (this.modules.has(filename)) return;
    // None of its callbacks may be called: it says nothing, defines nothing, and no configuration is wrong for it.
    const name = `kept ${this.modules.size}`;
    this.modules.set(filename, pluginConfig({ name, module: filename, allowedCapabilities: ["none"] }));
  }

  /** A listener for each kept module, that listens nowhere. */
  private kept(): Listener[] {
    return [...this.modules.values()].map((plugin, at) =>
      unbound(plugin.name, 1 + at, [connectionManager({ stat_prefix: "kept" }, [httpWasm(plugin)], [])]),
    );
  }
}

/** A listener that listens nowhere; its address has to differ from the others', all the same. */
function unbound(name: string, port: number, filters: readonly Extension[]): Listener {
  return { name, address: address("127.0.0.1", port), bind_to_port: false, filter_chains: [{ filters }] };
}

const TYPES = { cds: "type.googleapis.com/envoy.config.cluster.v3.Cluster", lds: "type.googleapis.com/envoy.config.listener.v3.Listener" };

function source(folder: string, list: keyof typeof TYPES): object {
  return { path_config_source: { path: join(folder, `${list}.json`) }, resource_api_version: "V3" };
}

/** Envoy watches for files that are moved, which are whole at once. */
async function put(folder: string, list: keyof typeof TYPES, version: number, resources: ReadonlyArray<Listener | Cluster>): Promise<void> {
  const path = join(folder, `${list}.json`);
  const typed = resources.map((resource) => ({ "@type": TYPES[list], ...resource }));
  await writeFile(`${path}.next`, JSON.stringify({ version_info: String(version), resources: typed }));
  await rename(`${path}.next`, path);
}

/** Paths of modules, wherever they are named. */
function modulesOf(value: unknown): Set<string> {
  const paths = new Set<string>();
  JSON.stringify(value, (key, field: unknown) => {
    if (key === "filename" && typeof field === "string" && field.endsWith(".wasm")) paths.add(field);
    return field;
  });
  return paths;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2));
}
