import { createHash } from "node:crypto";
import { HostError } from "./errors.ts";
import { loadModule } from "./module.ts";
import type { VmConfig } from "./vm.ts";

/** Envoy's `failure_policy`: what requests get while the VM is dead. */
export type FailurePolicy = "FAIL_CLOSED" | "FAIL_OPEN" | "FAIL_RELOAD";

/** One plugin, in the fields of Envoy's `PluginConfig`. */
export interface PluginConfig {
  /** Seen by the filter as `plugin_name`. Default: the empty string. */
  readonly name?: string;
  /** Path of a wasm file, or its bytes. */
  readonly module: string | Uint8Array;
  /** Default: the empty string. */
  readonly rootId?: string;
  /** Plugins of one VM id, module and VM configuration share a VM in each worker. Default: the empty string, as in Envoy. */
  readonly vmId?: string;
  /** Text or bytes reach the filter as they are (Envoy's StringValue, BytesValue), anything else as JSON (a Struct). Default: nothing. */
  readonly configuration?: unknown;
  readonly vmConfiguration?: unknown;
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: `FAIL_CLOSED`. */
  readonly failurePolicy?: FailurePolicy;
  /** Of `FAIL_RELOAD`: milliseconds, Envoy's `reload_config.backoff.base_interval`. Default: 1,000. */
  readonly reloadBaseInterval?: number;
  /** Envoy's `vm_config.capability_restriction_config.allowed_capabilities`. Default: all. */
  readonly allowedCapabilities?: readonly string[];
  /** Default: false; a StopIteration of a headers callback then holds back body and trailers too. */
  readonly allowOnHeadersStopIteration?: boolean;
}

/** A plugin with everything read and defaulted; one for each configuration. */
export class Plugin {
  readonly name: string;
  readonly rootId: string;
  readonly vm: VmConfig;
  readonly vmKey: string;
  readonly configuration: Uint8Array;
  readonly failurePolicy: FailurePolicy;
  readonly reloadBaseInterval: number;
  readonly allowOnHeadersStopIteration: boolean;
  /** Same key, same root context: name, root id and configuration. */
  readonly key: string;
  readonly logPrefix: string;

  /** @throws HostError as {@link loadModule}. */
  constructor(config: PluginConfig) {
    this.name = config.name ?? "";
    this.rootId = config.rootId ?? "";
    this.vm = {
      vmId: config.vmId ?? "",
      module: loadModule(config.module),
      configuration: configurationBytes(config.vmConfiguration),
      environment: new Map(Object.entries(config.environment ?? {})),
      allowedCapabilities: config.allowedCapabilities && new Set(config.allowedCapabilities),
    };
    this.configuration = configurationBytes(config.configuration);
    this.failurePolicy = config.failurePolicy ?? "FAIL_CLOSED";
    this.reloadBaseInterval = config.reloadBaseInterval ?? 1000;
    this.allowOnHeadersStopIteration = config.allowOnHeadersStopIteration ?? false;
    if (!["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"].includes(this.failurePolicy)) {
      throw new HostError("misuse", `unknown failure policy ${this.failurePolicy}: use FAIL_CLOSED, FAIL_OPEN or FAIL_RELOAD`);
    }
    this.vmKey = hash(this.vm.vmId, "||", this.vm.configuration, "||", this.vm.module.sha256);
    this.key = hash(this.rootId, "||", this.configuration, "||", this.name);
    this.logPrefix = [this.name, this.rootId, this.vm.vmId].filter((part) => part !== "").join(" ");
  }
}

function hash(...parts: ReadonlyArray<string | Uint8Array>): string {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return digest.digest("hex");
}

/** What a filter reads as its configuration, from the form in which a test or a YAML file gives it. */
export function configurationBytes(configuration: unknown): Uint8Array {
  if (configuration === undefined) return new Uint8Array(0);
  if (configuration instanceof Uint8Array) return configuration;
  return Buffer.from(typeof configuration === "string" ? configuration : JSON.stringify(configuration), "utf8");
}
