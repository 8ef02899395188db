import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { pipeline } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type RecordedRequest, type Script, startUpstream, type Upstream } from "../upstreams/index.ts";
import type { MeshProcess } from "./command-line.ts";
import { MeshError } from "./mesh-error.ts";
import type { PlacedWorkload } from "./objects.ts";
import type { Runtime } from "./runtime.ts";

/** What answers for a workload: a script in this process, or a program of its own. */
export interface Program extends AsyncDisposable {
  readonly running: boolean;
  /** What came so far; empty of a program of its own. */
  readonly requests: readonly RecordedRequest[];
  readonly log: readonly string[];
  /** On the same port as before. */
  start(): Promise<void>;
  kill(): Promise<void>;
  pause(): Promise<void>;
  resume(): void;
  /** Another script from the next request on. */
  answer(script: Script): void;
}

/** What a program of one's own finds where it runs. */
export interface ProgramPlace extends PlacedWorkload {
  readonly runtime: Runtime;
  readonly startTimeout: number;
}

/** That of Istio's listener for redirected connections, which here stands in for it. */
export const HTTP_PROXY_PORT = 15_001;

export function programOf(place: ProgramPlace): Program {
  const { command, name, script } = place.workload;
  if (command !== undefined) return new OwnProgram(command, place);
  const { socket, programPort: port } = place;
  return new ScriptedProgram(socket === undefined ? { port } : { path: socket }, script ?? (() => ({ body: name })));
}

/** A scripted server in this process. To be killed means that its connections are closed and nobody listens; to be paused, that requests are taken and not answered. */
class ScriptedProgram implements Program {
  readonly log: readonly string[] = [];
  private readonly at: { readonly port: number } | { readonly path: string };
  private script: Script;
  private upstream: Upstream | undefined;
  private paused: PromiseWithResolvers<void> | undefined;

  constructor(at: { readonly port: number } | { readonly path: string }, script: Script) {
    this.at = at;
    this.script = script;
  }

  get running(): boolean {
    return this.upstream !== undefined;
  }

  get requests(): readonly RecordedRequest[] {
    return this.upstream?.requests ?? [];
  }

  answer(script: Script): void {
    this.script = script;
  }

  async start(): Promise<void> {
    this.upstream ??= await startUpstream({
      ...this.at,
      script: async (request) => {
        await this.paused?.promise;
        return this.script(request);
      },
    });
  }

  async kill(): Promise<void> {
    const ending = this.upstream;
    this.upstream = undefined;
    await ending?.[Symbol.asyncDispose]();
    this.resume();
  }

  async pause(): Promise<void> {
    this.paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.paused?.resolve();
    this.paused = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** A process of its own. */
class OwnProgram implements Program {
  readonly requests: readonly RecordedRequest[] = [];
  private readonly command: readonly string[];
  private readonly place: ProgramPlace;
  private process: MeshProcess | undefined;
  private egress: Server | undefined;

  constructor(command: readonly string[], place: ProgramPlace) {
    this.command = command;
    this.place = place;
  }

  get running(): boolean {
    return this.process?.running === true;
  }

  get log(): readonly string[] {
    return this.process?.log ?? [];
  }

  answer(): void {
    throw new MeshError(
      "spec",
      `${this.place.workload.name} is a program of its own (${this.command.join(" ")}); only a script can be changed`,
    );
  }

  async start(): Promise<void> {
    if (this.running) return;
    const { workload, programPort: port, outbound, startTimeout, runtime, hasEgressProxy = false } = this.place;
    if (!hasEgressProxy) this.egress ??= await this.listenForEgress();
    const httpProxy = `http://${outbound}:${HTTP_PROXY_PORT}`;
    const started = runtime.run(`the program of ${workload.name}`, workload.name, this.command, {
      PORT: String(port),
      HTTP_PROXY: httpProxy,
      http_proxy: httpProxy,
      ...workload.env,
    });
    this.process = started;
    for (const deadline = performance.now() + startTimeout; !(await runtime.listens(this.place)); await sleep(20)) {
      if (!started.running) await started.line(`it listened on port ${port} (PORT)`, () => false, startTimeout);
      if (performance.now() > deadline) {
        await started.end("SIGKILL");
        throw new MeshError("exited", `${started.name} does not listen on port ${port} (PORT) after ${startTimeout} ms`, started.log);
      }
    }
  }

  async kill(): Promise<void> {
    await this.process?.end("SIGKILL");
  }

  async pause(): Promise<void> {
    await this.process?.pause();
  }

  resume(): void {
    this.process?.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.egress?.close();
    await this.kill();
  }

  /** Programs know proxies of HTTP by addresses alone, and the sidecar takes requests for any port on a socket of the file system. */
  private async listenForEgress(): Promise<Server> {
    const server = createServer({ noDelay: true }, (client) => {
      const sidecar = connect(this.place.egress);
      pipeline(client, sidecar, () => undefined);
      pipeline(sidecar, client, () => undefined);
    });
    server.listen(HTTP_PROXY_PORT, this.place.outbound);
    await once(server, "listening");
    return server.unref();
  }
}
