import { Callouts } from "./callouts.ts";
import { ManualClock, type Clock, type Timer } from "./clock.ts";
import { ClusterManager } from "./clusters.ts";
import { Context } from "./context.ts";
import { Dispatcher } from "./dispatcher.ts";
import { HostError } from "./errors.ts";
import { FilterChain, type ChainOptions } from "./filter-chain.ts";
import type { HostObserver } from "./observer.ts";
import { LOG_LEVELS, Logs, type HostLogLine, type LogLevel } from "./logs.ts";
import { MetricStore } from "./metrics.ts";
import { type Plugin, type PluginConfig } from "./plugin.ts";
import { LocalPlugin, PluginHandle } from "./plugin-handle.ts";
import type { PropertyObject } from "./properties.ts";
import { SharedQueues } from "./queues.ts";
import { SeededRandom, type Random } from "./random.ts";
import { SharedData } from "./shared-data.ts";
import { Vm } from "./vm.ts";

export interface HostOptions {
  /** Default: a {@link ManualClock}. */
  readonly clock?: Clock;
  /** Default: a {@link SeededRandom} of seed 1. */
  readonly random?: Random;
  /** Lines below are dropped, and `proxy_get_log_level` says so. Default: `info`, as Envoy's. */
  readonly logLevel?: LogLevel;
  readonly onLog?: (line: HostLogLine) => void;
  /**
   * Whether what would corrupt a response or hang it in Envoy is an error. What would end Envoy's process is one in any case.
   * Default: true.
   */
  readonly strict?: boolean;
  /** Which instances of a plugin run besides the base VM. Default: one worker. Envoy itself: a canary, the main thread, each worker. */
  readonly instances?: { readonly canary?: boolean; readonly mainThread?: boolean; readonly workers?: number };
  /** Envoy's node as `xds.node` shows it: `{id, cluster, metadata: {...}}`. */
  readonly node?: PropertyObject;
  readonly listener?: { readonly direction?: 0 | 1 | 2; readonly metadata?: PropertyObject; readonly filterChainName?: string };
  /** Sees every callback and hostcall. Default: nobody does, which costs nothing. */
  readonly observer?: HostObserver;
}

/** One Envoy process: its workers, what VMs share (data, queues, metrics, logs), its clusters. Start here. */
export class Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly logs: Logs;
  readonly strict: boolean;
  readonly observer: HostObserver | undefined;
  readonly node: PropertyObject;
  readonly listener: { readonly direction: 0 | 1 | 2; readonly metadata: PropertyObject; readonly filterChainName: string };
  readonly instances: { readonly canary: boolean; readonly mainThread: boolean; readonly workers: number };
  readonly metrics = new MetricStore();
  readonly sharedData = new SharedData();
  readonly queues = new SharedQueues();
  readonly clusters = new ClusterManager();
  /** The host's own counters, such as `wasm.<plugin>.vm_reload_success`. */
  readonly stats = new Map<string, number>();
  /** The main thread first, where it has instances, then the workers. */
  readonly workers: readonly Worker[];
  /** The first worker that serves requests. */
  readonly worker: Worker;
  private readonly liveVms = new Map<string, number>();
  private nextConnectionId = 0;

  constructor(options: HostOptions = {}) {
    this.clock = options.clock ?? new ManualClock();
    this.random = options.random ?? new SeededRandom();
    this.logs = new Logs(options.logLevel ?? "info", options.onLog);
    this.strict = options.strict ?? true;
    this.observer = options.observer;
    // A message of protobuf: what was not set is there, and empty.
    this.node = { id: "", cluster: "", metadata: {}, ...options.node };
    this.listener = {
      direction: options.listener?.direction ?? 0,
      metadata: options.listener?.metadata ?? {},
      filterChainName: options.listener?.filterChainName ?? "",
    };
    this.instances = {
      canary: options.instances?.canary ?? false,
      mainThread: options.instances?.mainThread ?? false,
      workers: options.instances?.workers ?? 1,
    };
    this.worker = new Worker(this);
    const others = Array.from({ length: this.instances.workers - 1 }, () => new Worker(this));
    this.workers = [...(this.instances.mainThread ? [new Worker(this)] : []), this.worker, ...others];
  }

  /**
   * Loads a plugin in every instance: module, `proxy_on_vm_start`, `proxy_on_configure`.
   *
   * @throws HostError with the reason and the lines that were logged; see `HostErrorCode`.
   */
  load(config: PluginConfig): PluginHandle {
    return new PluginHandle(this, config);
  }

  /** HTTP filters in order, downstream first. Streams are opened on it. */
  chain(plugins: readonly PluginHandle[], options: ChainOptions = {}): FilterChain {
    return new FilterChain(this, plugins, options);
  }

  /** Lets time pass where the clock is a {@link ManualClock}: ticks, timeouts and delayed answers of these milliseconds happen now. */
  advance(milliseconds: number): void {
    if (!(this.clock instanceof ManualClock)) throw new HostError("misuse", "only a ManualClock can be advanced");
    this.clock.advance(milliseconds);
  }

  connectionId(): number {
    return this.nextConnectionId++;
  }

  /** Envoy's canary: a VM that starts and configures the plugin once and is thrown away. */
  canary(plugin: Plugin): void {
    const worker = new Worker(this);
    const local = worker.acquire(plugin);
    local.vm.stop();
    this.vmEnded(local.vm);
  }

  /**
   * @internal Envoy tries a new configuration in a VM that it throws away, so that one that is refused, or traps, does nothing to those that serve. What it
   * does otherwise stays in a host of its own.
   */
  tryOut(config: PluginConfig): void {
    const { clock, node, listener, strict } = this;
    const trial = new Host({ clock, node, listener, strict, logLevel: LOG_LEVELS[this.logs.level] ?? "info" });
    for (const name of this.clusters.names()) trial.clusters.set(name);
    try {
      trial.load(config).unload();
    } catch (error) {
      for (const { level, message, source, prefix } of trial.logs.lines)
        this.logs.write(LOG_LEVELS.indexOf(level), message, source, prefix);
      throw error;
    }
  }

  /** @internal */
  vmStarted(vm: Vm): void {
    this.liveVms.set(vm.config.vmId, (this.liveVms.get(vm.config.vmId) ?? 0) + 1);
  }

  /** @internal Shared data and queues of a VM id end with its last VM. */
  vmEnded(vm: Vm): void {
    const { vmId } = vm.config;
    const left = (this.liveVms.get(vmId) ?? 1) - 1;
    this.liveVms.set(vmId, left);
    if (left > 0) return;
    this.sharedData.deleteVmId(vmId);
    this.queues.deleteVmId(vmId);
  }
}

/** One thread of Envoy: an event loop and a VM for each key. */
export class Worker {
  readonly host: Host;
  readonly dispatcher = new Dispatcher();
  readonly callouts: Callouts;
  private readonly vms = new Map<string, Vm>();
  private readonly plugins = new Map<string, LocalPlugin>();
  /** VMs that run now, the outermost first: callouts that are answered meanwhile wait. */
  private readonly running: Vm[] = [];

  constructor(host: Host) {
    this.host = host;
    this.callouts = new Callouts(this);
  }

  get insideVm(): boolean {
    return this.running.length > 0;
  }

  enter(vm: Vm): void {
    this.running.push(vm);
    this.dispatcher.enter();
  }

  leave(_vm: Vm): void {
    this.running.pop();
    this.dispatcher.leave();
  }

  /** The VM of that key that lives now. */
  vm(key: string): Vm | undefined {
    return this.vms.get(key);
  }

  schedule(milliseconds: number, task: () => void): Timer {
    return this.host.clock.schedule(milliseconds, () => this.dispatcher.post(task));
  }

  /** The VM and root context of a plugin, new ones where there are none; see {@link release}. */
  acquire(plugin: Plugin): LocalPlugin {
    const key = `${plugin.vmKey}||${plugin.key}`;
    let local = this.plugins.get(key);
    if (local === undefined) {
      local = this.start(plugin);
      this.plugins.set(key, local);
    }
    local.users++;
    return local;
  }

  private start(plugin: Plugin): LocalPlugin {
    const vm = this.vms.get(plugin.vmKey) ?? this.createVm(plugin);
    const root = new Context(vm, vm.nextContextId(), undefined, plugin);
    vm.contexts.set(root.id, root);
    // One event of the loop: what is posted meanwhile, such as a queue's event, comes when the plugin is configured.
    this.dispatcher.enter();
    try {
      if (!root.onVmStart()) throw this.refused(plugin, vm, "proxy_on_vm_start");
      if (!root.onConfigure(plugin.configuration)) throw this.refused(plugin, vm, "proxy_on_configure");
    } finally {
      this.dispatcher.leave();
    }
    vm.roots.set(plugin.key, root);
    vm.addFailureListener(() => this.plugins.delete(`${plugin.vmKey}||${plugin.key}`));
    return new LocalPlugin(plugin, vm, root);
  }

  private createVm(plugin: Plugin): Vm {
    const vm = new Vm(this, plugin.vm);
    vm.initialize(new Context(vm, 0, undefined, undefined));
    this.vms.set(plugin.vmKey, vm);
    this.host.vmStarted(vm);
    vm.addFailureListener(() => {
      vm.stop();
      this.vms.delete(plugin.vmKey);
      this.callouts.dropVm(vm);
    });
    return vm;
  }

  private refused(plugin: Plugin, vm: Vm, callback: string): HostError {
    const reason = vm.failure === undefined ? `${callback} returned false` : vm.failure.message;
    if (vm.roots.size === 0) {
      vm.stop();
      this.vms.delete(plugin.vmKey);
      this.host.vmEnded(vm);
    }
    return new HostError("configuration-refused", `${plugin.name}: ${reason}`, { cause: vm.failure });
  }

  /** The last user of a plugin is gone: `on_done`, `on_delete` when its last stream has ended; the VM goes with its last root. */
  release(local: LocalPlugin): void {
    if (--local.users > 0) return;
    const { vm, plugin, root } = local;
    if (this.plugins.get(`${plugin.vmKey}||${plugin.key}`) === local) this.plugins.delete(`${plugin.vmKey}||${plugin.key}`);
    if (root.liveStreams > 0) root.drained = () => this.shutDown(vm, plugin, root);
    else this.shutDown(vm, plugin, root);
  }

  private shutDown(vm: Vm, plugin: Plugin, root: Context): void {
    root.drained = undefined;
    vm.roots.delete(plugin.key);
    if (root.onDone()) root.onDelete();
    else vm.pendingDone.set(plugin.key, root);
    this.endVm(vm, plugin.vmKey);
  }

  /** `proxy_done`: a root that wanted to live on may go now. False where it never asked for that. */
  done(root: Context): boolean {
    const { vm, plugin } = root;
    if (plugin === undefined || vm.pendingDone.get(plugin.key) !== root) return false;
    vm.pendingDone.delete(plugin.key);
    vm.after(() => {
      root.onDelete();
      this.endVm(vm, plugin.vmKey);
    });
    return true;
  }

  private endVm(vm: Vm, key: string): void {
    if (vm.roots.size > 0 || vm.pendingDone.size > 0) return;
    vm.stop();
    if (this.vms.get(key) === vm) this.vms.delete(key);
    this.host.vmEnded(vm);
  }
}
