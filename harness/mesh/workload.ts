import type { RecordedRequest, Script } from "../upstreams/index.ts";
import { type MeshAnswer, ask, type Place, type MeshRequest } from "./client.ts";
import { MeshError } from "./mesh-error.ts";
import type { PlacedGateway, PlacedWorkload } from "./objects.ts";
import type { Program } from "./program.ts";
import type { Proxy } from "./proxy.ts";
import type { Runtime } from "./runtime.ts";

/** One workload of a service, with its sidecar. */
export class Workload {
  /** `reviews-v1` */
  readonly name: string;
  /** `reviews` */
  readonly service: string;
  readonly sidecar: Proxy;
  private readonly placed: PlacedWorkload;
  private readonly program: Program;
  private readonly runtime: Runtime;

  constructor(placed: PlacedWorkload, program: Program, sidecar: Proxy, runtime: Runtime) {
    this.name = placed.workload.name;
    this.service = placed.workload.service.name;
    this.placed = placed;
    this.program = program;
    this.sidecar = sidecar;
    this.runtime = runtime;
  }

  /** Where its sidecar takes requests for it. */
  get address(): { readonly host: string; readonly port: number } {
    return { host: this.placed.inbound, port: this.placed.workload.service.port };
  }

  /** Requests that reached its program, oldest first; the last 1,000 of a script, none of a program of its own. */
  get requests(): readonly RecordedRequest[] {
    return this.program.requests;
  }

  /** What its program wrote; nothing of a script. */
  get log(): readonly string[] {
    return this.program.log;
  }

  get running(): boolean {
    return this.program.running;
  }

  /** Where its sidecar takes a request, or a connection (`tcp://db:5432`), of the workload for a URL: at the service's port, or where none has that, on its socket. */
  place(url: string | URL): Place {
    return this.placed.doors.get(portOf(urlOf(url))) ?? { path: this.placed.egress };
  }

  /** A request of the workload, by way of its sidecar. */
  async request(url: string | URL, options?: MeshRequest): Promise<MeshAnswer> {
    await this.runtime.idle();
    return ask(this.place(url), urlOf(url), options);
  }

  /** @param headers by name */
  async get(url: string | URL, headers: Readonly<Record<string, string>> = {}): Promise<MeshAnswer> {
    return this.request(url, { headers });
  }

  /** MeshAnswers otherwise from the next request on. */
  answer(script: Script): void {
    this.program.answer(script);
  }

  /** Its program ends at once: connections are closed, and new ones refused. Its sidecar goes on. */
  async kill(): Promise<void> {
    await this.program.kill();
  }

  /** Its program runs again, on the same port. */
  async start(): Promise<void> {
    await this.program.start();
  }

  /** Its program takes connections and requests, and answers none. */
  async pause(): Promise<void> {
    await this.program.pause();
  }

  resume(): void {
    this.program.resume();
  }

  /**
   * Takes its container off the network: nothing comes in or goes out, and nobody is told. Requests of the workload still get to its sidecar.
   *
   * @throws MeshError `spec` where it is a process, which has no network of its own
   */
  async disconnect(): Promise<void> {
    await this.runtime.connect(this.name, false);
  }

  /** Puts it back, with the address that it had. */
  async connect(): Promise<void> {
    await this.runtime.connect(this.name, true);
  }
}

/** An Envoy at the edge. */
export class Gateway {
  readonly name: string;
  readonly proxy: Proxy;
  private readonly runtime: Runtime;
  private readonly placed: PlacedGateway;

  constructor(placed: PlacedGateway, proxy: Proxy, runtime: Runtime) {
    this.runtime = runtime;
    this.name = placed.gateway.name;
    this.placed = placed;
    this.proxy = proxy;
  }

  /** Where it takes a request for a URL. @throws MeshError where it has no such port */
  place(url: string | URL): { readonly host: string; readonly port: number } {
    const wanted = portOf(urlOf(url));
    const port = this.placed.listening.get(wanted);
    if (port === undefined) {
      const known = [...this.placed.listening.keys()].join(", ");
      throw new MeshError("spec", `gateway ${this.name} has no port ${wanted}, only ${known}; name it in gateways.${this.name}.ports`);
    }
    return { host: this.placed.host, port };
  }

  /** A request from outside. */
  async request(url: string | URL, options?: MeshRequest): Promise<MeshAnswer> {
    await this.runtime.idle();
    return ask(this.place(url), urlOf(url), options);
  }

  /** @param headers by name */
  async get(url: string | URL, headers: Readonly<Record<string, string>> = {}): Promise<MeshAnswer> {
    return this.request(url, { headers });
  }
}

function urlOf(url: string | URL): URL {
  if (url instanceof URL) return url;
  if (!URL.canParse(url)) throw new MeshError("spec", `${url} is no URL; write http://SERVICE:PORT/PATH`);
  return new URL(url);
}

function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}
