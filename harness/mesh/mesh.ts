import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binaryProvider } from "../envoy/binary.ts";
import { ControlService } from "./control.ts";
import type { Links, MeshLink } from "./links.ts";
import { MeshError } from "./mesh-error.ts";
import { labelsOf, platformObjects } from "./objects.ts";
import { type Program, programOf } from "./program.ts";
import { Proxy } from "./proxy.ts";
import { LocalRuntime, type Runtime } from "./runtime.ts";
import { declare, type MeshSpec } from "./spec.ts";
import { Gateway, Workload } from "./workload.ts";

const START_TIMEOUT = 60_000;
/** What the services imply; no file of `config` has its name. */
const PLATFORM = "platform.yaml";

export interface SettleOptions {
  /** Names of workloads and gateways whose proxies are not waited for: those that are cut off. Default: none. */
  readonly without?: readonly string[];
  /** Milliseconds. Default: `startTimeout` of the mesh. */
  readonly timeout?: number;
}

interface Parts extends Pick<Mesh, "control" | "workloads" | "gateways" | "directory"> {
  readonly links: Links | undefined;
}

/** A mesh that runs: a control service, and a sidecar beside each workload. Everything ends with it, and where this process is killed. */
export class Mesh implements AsyncDisposable {
  readonly control: ControlService;
  /** By name. */
  readonly workloads: ReadonlyMap<string, Workload>;
  /** By name. */
  readonly gateways: ReadonlyMap<string, Gateway>;
  /** With the YAML that the control service reads. */
  readonly directory: string;
  private readonly links: Links | undefined;
  private readonly timeout: number;
  private readonly resources: AsyncDisposableStack;

  private constructor(parts: Parts, timeout: number, resources: AsyncDisposableStack) {
    this.control = parts.control;
    this.workloads = parts.workloads;
    this.gateways = parts.gateways;
    this.directory = parts.directory;
    this.links = parts.links;
    this.timeout = timeout;
    this.resources = resources;
  }

  /** @throws MeshError where the spec is wrong, the machine lacks something, or something does not start; nothing is left then */
  static async start(spec: MeshSpec): Promise<Mesh> {
    const declared = declare(spec);
    const { config = {}, control: controlSpec = {}, mtls = true, startTimeout = START_TIMEOUT } = spec;
    const missing = await binaryProvider.available();
    if (missing !== undefined) throw new MeshError("unavailable", `a mesh needs Envoy: ${missing}`);
    await using resources = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "meshwright-mesh-"));
    resources.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
    const runtime = resources.use(await runtimeOf(spec, folder, startTimeout));
    const directory = join(folder, "config");
    await mkdir(directory);
    const places = await runtime.place(declared);
    const { workloads, gateways, control: place } = places;
    await write(directory, { [PLATFORM]: platformObjects(places, mtls) });
    await write(directory, checked(config));

    const control = resources.use(new ControlService({ ...controlSpec, runtime, place, folder, config: directory, mtls, startTimeout }));
    const links = spec.links === true ? resources.use(await runtime.links(places, control)) : undefined;
    const common = { ...spec.proxies, runtime, folder, mtls, concurrency: spec.concurrency ?? 1, startTimeout };
    const controlOf = (name: string) => ({ control: () => links?.control(name) ?? control.xds });
    const sidecars = workloads.map(({ workload, inbound, published }) => {
      const { name, service } = workload;
      const { namespace } = service;
      const labels = labelsOf(workload);
      const own = { ...controlOf(name), name, namespace, serviceAccount: service.name, labels, address: inbound, published };
      return new Proxy({ ...common, ...own, type: "sidecar" });
    });
    const routers = gateways.map(({ gateway, address }) => {
      const { name, namespace } = gateway;
      const labels = { app: name, ...gateway.labels };
      return new Proxy({ ...common, ...controlOf(name), type: "router", name, namespace, serviceAccount: name, labels, address });
    });
    const programs = workloads.map((each) => resources.use(programOf({ ...each, runtime, startTimeout })));
    const proxies = [...sidecars, ...routers];
    resources.defer(() => all(proxies.map((proxy) => proxy[Symbol.asyncDispose]())));
    await all([startProxies(control, proxies, mtls, folder), ...programs.map((program) => program.start())]);

    const made = workloads.map((each, index) => {
      const [program, sidecar] = [programs[index], sidecars[index]] as [Program, Proxy];
      return [each.workload.name, new Workload(each, program, sidecar, runtime)] as const;
    });
    const edge = gateways.map((each, index) => [each.gateway.name, new Gateway(each, routers[index] as Proxy, runtime)] as const);
    const parts = { control, workloads: new Map(made), gateways: new Map(edge), directory, links };
    await control.settled(proxies, startTimeout);
    return new Mesh(parts, startTimeout, resources.move());
  }

  /** @param name `reviews-v1`, or of a service with one workload `reviews` */
  workload(name: string): Workload {
    const found = this.workloads.get(name) ?? this.alone(name);
    if (found === undefined) throw unknown("workload", name, this.workloads.keys());
    return found;
  }

  gateway(name: string): Gateway {
    const found = this.gateways.get(name);
    if (found === undefined) throw unknown("gateway", name, this.gateways.keys());
    return found;
  }

  /**
   * What lies between two that speak to each other: it can be made slow, lossy, or cut. Without faults it carries what comes.
   *
   * @param from name of a workload or gateway
   * @param to name of a workload, or `control`
   * @throws MeshError where the mesh was declared without `links: true`, or has nobody of such a name
   */
  link(from: string, to: string): MeshLink {
    if (this.links === undefined) throw new MeshError("spec", "the mesh was started without links; declare it with links: true");
    return this.links.get(from, to);
  }

  /**
   * Changes files of the mesh and waits until every proxy that runs has accepted what became of them.
   *
   * @param files YAML by name; undefined removes the file
   * @throws MeshError `refused` where an object has an error, or a proxy refuses something
   */
  async apply(files: Readonly<Record<string, string | undefined>>, options: SettleOptions = {}): Promise<void> {
    await this.edit(files);
    await this.settled(options);
  }

  /** Changes files and waits for nobody. */
  async edit(files: Readonly<Record<string, string | undefined>>): Promise<void> {
    await write(this.directory, checked(files));
  }

  /** Waits until every proxy that runs and is not paused is connected and has accepted everything. */
  async settled({ without = [], timeout = this.timeout }: SettleOptions = {}): Promise<void> {
    const names = this.proxies().map(({ name }) => name);
    const stranger = without.find((name) => !names.includes(name));
    if (stranger !== undefined) throw unknown("proxy", stranger, names);
    const awaited = this.proxies().filter(({ active, name }) => active && !without.includes(name));
    await this.control.settled(awaited, timeout);
  }

  /** Sidecars, then gateways. */
  proxies(): readonly Proxy[] {
    return [...[...this.workloads.values()].map(({ sidecar }) => sidecar), ...[...this.gateways.values()].map(({ proxy }) => proxy)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }

  private alone(service: string): Workload | undefined {
    const [first, ...others] = [...this.workloads.values()].filter((workload) => workload.service === service);
    return others.length === 0 ? first : undefined;
  }
}

/**
 * Starts a mesh: the control service, the services' workloads and an Envoy beside each, as processes of this machine, without privileges, or as containers.
 *
 * ```ts
 * await using mesh = await startMesh({
 *   services: { web: { port: 8080 }, reviews: { port: 9080, workloads: { v1: {}, v2: {} } } },
 *   config: { "reviews.yaml": routes },
 * });
 * const answer = await mesh.workload("web").get("http://reviews:9080/");
 * ```
 */
export function startMesh(spec: MeshSpec): Promise<Mesh> {
  return Mesh.start(spec);
}

/** Containers need a package that is not there everywhere, which is loaded when it is wanted. */
async function runtimeOf({ runtime = "process", links = false }: MeshSpec, folder: string, startTimeout: number): Promise<Runtime> {
  if (runtime === "process") return LocalRuntime.start(folder, links);
  const { ContainerRuntime } = await import("./container/runtime.ts");
  return ContainerRuntime.start(folder, links, startTimeout);
}

async function startProxies(control: ControlService, proxies: readonly Proxy[], mtls: boolean, folder: string): Promise<void> {
  await control.start();
  if (mtls) await control.writeRoots(join(folder, "roots.pem"));
  await all(
    proxies.map(async (proxy) => {
      if (mtls) await proxy.join(control);
      await proxy.start();
    }),
  );
}

/** As Promise.all, but none goes on behind a failure. */
async function all(promises: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Replaces files as editors do: nobody reads half of one. */
async function write(directory: string, files: Readonly<Record<string, string | undefined>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name);
    if (text === undefined) await rm(path, { force: true });
    else {
      await writeFile(`${path}~`, text);
      await rename(`${path}~`, path);
    }
  }
}

function checked<T>(files: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  for (const name of Object.keys(files)) {
    if (!/^[\w-][\w.-]*\.(ya?ml|json)$/.test(name))
      throw new MeshError("spec", `config: ${name} is no name of a file of YAML, such as rules.yaml`);
    if (name === PLATFORM) throw new MeshError("spec", `config: ${PLATFORM} is what the services imply; give the file another name`);
  }
  return files;
}

function unknown(what: string, name: string, known: Iterable<string>): MeshError {
  return new MeshError("spec", `the mesh has no ${what} ${name}; it has ${[...known].join(", ") || "none"}`);
}
