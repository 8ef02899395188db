import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Admin } from "../envoy/admin.ts";
import { MAIN, type MeshProcess } from "./command-line.ts";
import type { AwaitedProxy, ControlService } from "./control.ts";
import type { Runtime } from "./runtime.ts";
import type { ProcessSpec } from "./spec.ts";

/** What a proxy of the mesh is started with. */
export interface ProxyOptions extends ProcessSpec {
  /** `reviews-v1` */
  readonly name: string;
  readonly type: "sidecar" | "router";
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the workload; its admin interface listens there too. */
  readonly address: string;
  /** Where others reach it, if that is elsewhere. */
  readonly published?: string;
  readonly runtime: Runtime;
  /** Of the mesh. */
  readonly folder: string;
  /** Whether it has an identity. */
  readonly mtls: boolean;
  readonly concurrency: number;
  readonly startTimeout: number;
  /** Where it reaches the control service, `HOST:PORT`. */
  readonly control: () => string;
}

/** As without a mesh around it. */
const ADMIN_PORT = 15_000;

/** An Envoy of the mesh by `meshwright proxy`: two processes, of which the first keeps the other running. */
export class Proxy implements AsyncDisposable, AwaitedProxy {
  /** Istio's node id, by which the control service knows it. */
  readonly id: string;
  /** Of its Envoy. */
  readonly admin: Admin;
  private readonly options: ProxyOptions;
  private process: MeshProcess | undefined;
  private envoy = 0;
  private isServing = false;
  private isPaused = false;

  constructor(options: ProxyOptions) {
    const { type, address, name, namespace } = options;
    this.options = options;
    this.id = `${type}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`;
    this.admin = new Admin(address, ADMIN_PORT);
  }

  get name(): string {
    return this.options.name;
  }

  get running(): boolean {
    return this.process?.running === true;
  }

  /** Whether its Envoy runs and has had its first configuration. */
  get serves(): boolean {
    return this.running && this.isServing;
  }

  /** Whether it runs and is not paused. */
  get active(): boolean {
    return this.running && !this.isPaused;
  }

  /** Of `meshwright proxy` and of its Envoy, oldest line first. */
  get log(): readonly string[] {
    return this.process?.log ?? [];
  }

  /** Of the Envoy that runs, in its container where it has one; 0 where none does. */
  get pid(): number {
    return this.running ? this.envoy : 0;
  }

  /** Gets the token with which it proves who it is at its first start. */
  async join(control: ControlService): Promise<void> {
    const { namespace, serviceAccount } = this.options;
    await writeFile(this.file("token"), await control.token(namespace, serviceAccount), { mode: 0o600 });
  }

  /** Starts it, and waits until its Envoy serves; after its first start with the key and the certificate that it has. */
  async start(): Promise<void> {
    if (this.running) return;
    const { name, labels, serviceAccount, address, folder, mtls, concurrency, startTimeout, control, runtime } = this.options;
    const { published = address } = this.options;
    // Nothing is redirected: Sidecars say where it listens.
    const metadata = {
      LABELS: labels,
      SERVICE_ACCOUNT: serviceAccount,
      INTERCEPTION_MODE: "NONE",
      INSTANCE_IPS: [...new Set([address, published])].join(),
    };
    const { parameters = [], env = {} } = this.options;
    const command = [
      ...[process.execPath, MAIN, "proxy", "--proxy", this.id, "--metadata", JSON.stringify(metadata)],
      ...["--control", control(), "--log-format", "json", "--concurrency", String(concurrency)],
      ...["--admin", `${address}:${ADMIN_PORT}`, "--status-port", "0", "--prometheus-port", "0"],
      ...(mtls
        ? ["--control-ca", join(folder, "roots.pem"), "--token-file", this.file("token"), "--identity-dir", this.file("identity")]
        : []),
      ...parameters,
    ];
    this.process = runtime.run(`the proxy of ${name}`, name, command, env);
    this.process.onLine = ({ message, pid }) => {
      if (message === "Envoy starts" && typeof pid === "number") this.envoy = pid;
      if (message === "Envoy serves") this.isServing = true;
      if (message.startsWith("Envoy ended")) [this.envoy, this.isServing] = [0, false];
    };
    [this.isPaused, this.isServing] = [false, false];
    await this.process.line("its Envoy served", ({ message }) => message === "Envoy serves", startTimeout);
  }

  /** SIGKILL to both processes: connections are reset, and nobody starts it again. */
  async kill(): Promise<void> {
    await this.process?.end("SIGKILL");
  }

  /** SIGKILL to Envoy alone, which `meshwright proxy` starts again. */
  killEnvoy(): void {
    if (this.pid !== 0) this.process?.signalChild(this.pid, "SIGKILL");
  }

  /** SIGTERM: clients get time to leave (`--drain-time`). Waits until it has ended. */
  async stop(): Promise<void> {
    this.resume();
    await this.process?.end("SIGTERM");
  }

  /** Ends it and starts it again. @param drain whether clients get time to leave; default: true */
  async restart({ drain = true }: { readonly drain?: boolean } = {}): Promise<void> {
    await (drain ? this.stop() : this.kill());
    await this.start();
  }

  /** SIGSTOP to Envoy: its connections stay, and nobody answers. Returns when it stands still. */
  async pause(): Promise<void> {
    this.isPaused = true;
    await this.process?.pause(this.children());
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.process?.resume(this.children());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resume();
    await this.process?.leave();
    this.admin.close();
  }

  private children(): readonly number[] {
    return this.pid === 0 ? [] : [this.pid];
  }

  private file(kind: string): string {
    return join(this.options.folder, `${this.name}.${kind}`);
  }
}
