import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type LogLine, MAIN, type MeshProcess } from "./command-line.ts";
import { MeshError } from "./mesh-error.ts";
import type { ControlPlace, Runtime } from "./runtime.ts";
import type { ControlSpec } from "./spec.ts";

/** A proxy as the control service sees it: part of what `meshwright status --output json` prints. */
export interface ProxyStatus {
  readonly id: string;
  /** Of the worst of its types. */
  readonly state: "SYNCED" | "STALE" | "NACK" | "NOT SENT";
  readonly types: readonly TypeStatus[];
  readonly identity: { readonly name: string } | null;
}

export interface TypeStatus {
  /** `listener`, `route`, ... */
  readonly type: string;
  readonly state: ProxyStatus["state"];
  /** Whether all resources are asked for. */
  readonly wildcard: boolean;
  /** How many are asked for by name. */
  readonly names: number;
}

/** A proxy that is waited for. */
export interface AwaitedProxy {
  readonly id: string;
  /** Whether its Envoy has had its first configuration. */
  readonly serves: boolean;
}

/** What `POST /api/v1/wait` answers. */
interface WaitResult {
  readonly waiting: readonly { readonly proxy: string; readonly types: readonly string[]; readonly unasked: readonly string[] }[];
  readonly refused: readonly { readonly proxy: string; readonly type: string; readonly resource: string; readonly reason: string }[];
  readonly errors: readonly string[];
}

export interface ControlOptions extends ControlSpec {
  readonly runtime: Runtime;
  readonly place: ControlPlace;
  /** Of the mesh. */
  readonly folder: string;
  /** Directory of the mesh's YAML. */
  readonly config: string;
  readonly mtls: boolean;
  readonly startTimeout: number;
}

/** Its name among places and ends of links. */
export const CONTROL = "control";

/** Milliseconds that the control service waits for proxies in one request. */
const ONE_WAIT = 200;

/** `meshwright serve` over a directory of YAML, as a process. */
export class ControlService implements AsyncDisposable {
  private readonly options: ControlOptions;
  private process: MeshProcess | undefined;
  private ready: LogLine | undefined;
  private isPaused = false;

  constructor(options: ControlOptions) {
    this.options = options;
  }

  /** `http://127.0.0.1:PORT`; of a container its own address. */
  get admin(): string {
    return this.options.place.adminUrl ?? textOf(this.ready?.["admin"]);
  }

  /** Where proxies connect, `127.0.0.1:PORT`; the same after a restart. */
  get xds(): string {
    return textOf(this.ready?.["xds"]);
  }

  get pid(): number {
    return this.process?.pid ?? 0;
  }

  get running(): boolean {
    return this.process?.running === true;
  }

  get log(): readonly string[] {
    return this.process?.log ?? [];
  }

  /** Starts it, again on the same ports, and waits until it serves. Proxies come back by themselves: `mesh.settled()` waits for them. */
  async start(): Promise<void> {
    if (this.running) return;
    const { runtime, place, folder, config, mtls, keepsState = false, parameters = [], env = {}, startTimeout } = this.options;
    const [xds, admin] = this.ready === undefined ? [place.xds, place.admin] : [this.xds, new URL(textOf(this.ready["admin"])).host];
    const command = [
      ...[process.execPath, MAIN, "serve", "--config", config, "--log-format", "json"],
      ...["--xds", xds, "--admin", admin],
      ...(place.tokenFile === undefined ? [] : ["--token-file", place.tokenFile]),
      ...(mtls ? ["--ca", join(folder, "ca")] : []),
      ...(keepsState ? ["--state", join(folder, "state")] : []),
      ...parameters,
    ];
    this.process = runtime.run("the control service", CONTROL, command, env);
    this.isPaused = false;
    this.ready = await this.process.line(
      "it served",
      (line) => typeof line["admin"] === "string" && typeof line["xds"] === "string",
      startTimeout,
    );
  }

  /** SIGKILL: nothing is said to anybody. */
  async kill(): Promise<void> {
    await this.process?.end("SIGKILL");
  }

  /** SIGTERM, and waits until it has ended. */
  async stop(): Promise<void> {
    this.resume();
    await this.process?.end("SIGTERM");
  }

  /** SIGSTOP: its connections stay, and nobody answers. Returns when it stands still. */
  async pause(): Promise<void> {
    this.isPaused = true;
    await this.process?.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.process?.resume();
  }

  /** What a path of the administration interface answers. */
  async ask<T>(path: string, init: { readonly method?: string; readonly body?: object } = {}): Promise<T> {
    if (!this.running) throw new MeshError("exited", "the control service does not run; mesh.control.start() starts it", this.log);
    await this.options.runtime.idle();
    if (this.isPaused) throw new MeshError("exited", "the control service is paused; mesh.control.resume() lets it go on");
    const tokenFile = this.options.place.tokenFile ?? this.ready?.["tokenFile"];
    const token = typeof tokenFile === "string" ? (await readFile(tokenFile, "utf8")).trim() : undefined;
    const response = await fetch(`${this.admin}${path}`, {
      method: init.method ?? "GET",
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), "content-type": "application/json" },
      ...(init.body !== undefined && { body: JSON.stringify(init.body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new MeshError("refused", `the control service answers ${path} with ${response.status}: ${text}`, this.log);
    return JSON.parse(text) as T;
  }

  /** Every proxy that is connected, by id. */
  async status(): Promise<readonly ProxyStatus[]> {
    return (await this.ask<{ readonly proxies: readonly ProxyStatus[] }>("/api/v1/status")).proxies;
  }

  /** A join token for one namespace and service account. */
  async token(namespace: string, serviceAccount: string): Promise<string> {
    const body = { namespace, serviceAccount, uses: 1, lifetime: "1h" };
    return (await this.ask<{ readonly token: string }>("/api/v1/tokens", { method: "POST", body })).token;
  }

  /** Writes the roots of the mesh to a file. */
  async writeRoots(file: string): Promise<void> {
    const { roots } = await this.ask<{ readonly roots: readonly { readonly pem: string }[] }>("/api/v1/authority");
    await writeFile(file, roots.map(({ pem }) => pem).join(""));
  }

  /**
   * Waits until it has read all that is in the directory, and each of these proxies is connected and has accepted everything.
   *
   * @throws MeshError `refused` with what is wrong: errors in objects, what proxies refuse, who does not answer
   */
  async settled(proxies: readonly AwaitedProxy[], timeout: number): Promise<void> {
    for (const deadline = performance.now() + timeout; ;) {
      // Who connects later than this is not counted as waited for.
      const connected = new Set((await this.status()).map(({ id }) => id));
      const { waiting, refused, errors } = await this.ask<WaitResult>(`/api/v1/wait?timeout=${ONE_WAIT}ms`, { method: "POST" });
      const open = proxies.flatMap(({ id, serves }) => {
        const { types = [], unasked = [] } = waiting.find(({ proxy }) => proxy === id) ?? {};
        if (!connected.has(id)) return [`${id} is not connected`];
        if (!serves) return [`${id} does not serve yet`];
        if (types.length > 0) return [`${id} has not answered: ${types.join(", ")}`];
        return unasked.length > 0 ? [`${id} has not asked again: ${unasked.join(", ")}`] : [];
      });
      if (errors.length > 0) throw new MeshError("refused", `the mesh has errors:\n${errors.map((error) => `  ${error}`).join("\n")}`);
      if (refused.length > 0) {
        const list = refused.map(({ proxy, type, resource, reason }) => `  ${proxy} refuses ${type} ${resource}: ${reason}`);
        throw new MeshError("refused", `proxies refuse what they were sent:\n${list.join("\n")}`);
      }
      if (open.length === 0) return;
      if (performance.now() >= deadline)
        throw new MeshError(
          "refused",
          `not within ${timeout} ms has every proxy accepted everything:\n${open.map((each) => `  ${each}`).join("\n")}`,
          this.log,
        );
      await sleep(10);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process?.leave();
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
