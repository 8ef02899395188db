import type { Context } from "./context.ts";
import { HostError } from "./errors.ts";
import type { Host, Worker } from "./host.ts";
import { FailedFilter } from "./http/failed-filter.ts";
import type { HttpFilter } from "./http/filter.ts";
import { HttpContext } from "./http/http-context.ts";
import { Plugin, type PluginConfig } from "./plugin.ts";
import type { Vm } from "./vm.ts";

/** A plugin in one worker: its VM and its root context. Plugins with the same keys share one. */
export class LocalPlugin {
  readonly plugin: Plugin;
  readonly vm: Vm;
  readonly root: Context;
  users = 0;

  constructor(plugin: Plugin, vm: Vm, root: Context) {
    this.plugin = plugin;
    this.vm = vm;
    this.root = root;
  }
}

/** A loaded plugin: made by `Host.load`, used in chains, given new configuration, unloaded. */
export class PluginHandle {
  private readonly host: Host;
  private readonly config: PluginConfig;
  private plugin: Plugin;
  private locals = new Map<Worker, { local: LocalPlugin; lastLoad: bigint }>();

  /** @internal Use `Host.load`. */
  constructor(host: Host, config: PluginConfig) {
    this.host = host;
    this.config = config;
    this.plugin = new Plugin(config);
    this.locals = this.instantiate(this.plugin);
  }

  get name(): string {
    return this.plugin.name;
  }

  private instantiate(plugin: Plugin): typeof this.locals {
    const written = this.host.logs.written;
    const locals: typeof this.locals = new Map();
    try {
      if (this.host.instances.canary) this.host.canary(plugin);
      for (const worker of this.host.workers) locals.set(worker, { local: worker.acquire(plugin), lastLoad: this.host.clock.monotonic() });
    } catch (error) {
      for (const [worker, { local }] of locals) worker.release(local);
      const reason = HostError.from(error);
      const logs = this.host.logs.since(written).map((line) => `${line.level}: ${line.message}`);
      throw new HostError(
        reason.code,
        `Unable to create Wasm plugin ${plugin.name}: ${reason.message}${logs.map((line) => `\n  ${line}`).join("")}`,
        { cause: error, logs },
      );
    }
    return locals;
  }

  /**
   * A config-only update: a new root context in the same VM serves new streams; the old root's `on_done` and `on_delete` come when its
   * last stream has ended. The configuration it has already does nothing.
   *
   * @throws HostError `configuration-refused`; the old configuration goes on serving.
   */
  update(configuration: unknown): void {
    const plugin = new Plugin({ ...this.config, configuration });
    if (plugin.key === this.plugin.key) return;
    this.host.tryOut({ ...this.config, configuration });
    const locals = this.instantiate(plugin);
    const old = this.locals;
    this.plugin = plugin;
    this.locals = locals;
    for (const [worker, { local }] of old) worker.release(local);
  }

  /** Ends the plugin: its root contexts go with their last streams, its VMs with their last plugin. */
  unload(): void {
    for (const [worker, { local }] of this.locals) worker.release(local);
    this.locals.clear();
  }

  /** The root context on a worker. Default: the first worker that serves requests. */
  root(worker: Worker = this.host.worker): Context {
    return this.local(worker).root;
  }

  /** The size of the module's memory on a worker, in bytes: what a test compares that sends many requests. Default: the first worker that serves requests. */
  memorySize(worker: Worker = this.host.worker): number {
    return this.local(worker).vm.memorySize;
  }

  /** A context for a new stream: `undefined` where the VM is dead and the policy is FAIL_OPEN. */
  createFilter(worker: Worker): HttpFilter | undefined {
    const local = this.reloaded(worker);
    if (local.vm.failure !== undefined) {
      return this.plugin.failurePolicy === "FAIL_OPEN" ? undefined : new FailedFilter(this.plugin.name);
    }
    const context = new HttpContext(local.vm, local.vm.nextContextId(), local.root, local.plugin);
    local.vm.contexts.set(context.id, context);
    return context;
  }

  private local(worker: Worker): LocalPlugin {
    const entry = this.locals.get(worker);
    if (entry === undefined) throw new HostError("misuse", `plugin ${this.name} was unloaded`);
    return entry.local;
  }

  /** The plugin on a worker; after a trap a new one where policy and back-off allow it (`maybeReloadHandleIfNeeded`). */
  reloaded(worker: Worker): LocalPlugin {
    const entry = this.locals.get(worker);
    if (entry === undefined) throw new HostError("misuse", `plugin ${this.name} was unloaded`);
    if (entry.local.vm.failure === undefined || this.plugin.failurePolicy !== "FAIL_RELOAD") return entry.local;
    const now = this.host.clock.monotonic();
    const elapsed = Number(now - entry.lastLoad) / 1e6;
    if (elapsed < this.backOff()) {
      this.count("vm_reload_backoff");
      return entry.local;
    }
    entry.lastLoad = now;
    try {
      const local = worker.acquire(this.plugin);
      worker.release(entry.local);
      entry.local = local;
      this.count("vm_reload_success");
    } catch (error) {
      this.count("vm_reload_failure");
      this.host.logs.write(4, HostError.from(error).message, "host", "");
    }
    return entry.local;
  }

  /** `JitteredLowerBoundBackOffStrategy`: the base and up to half of it more. */
  private backOff(): number {
    const bytes = new Uint8Array(4);
    this.host.random.fill(bytes);
    const base = this.plugin.reloadBaseInterval;
    return base + (base >= 2 ? Buffer.from(bytes).readUInt32LE(0) % Math.floor(base / 2) : 0);
  }

  private count(stat: string): void {
    const name = `wasm.${this.plugin.name}.${stat}`;
    this.host.stats.set(name, (this.host.stats.get(name) ?? 0) + 1);
  }
}
