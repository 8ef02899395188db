import { once } from "node:events";
import { join } from "node:path";
import { connect } from "node:net";
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { OWNER, OWNER_LABEL, removeLeftovers } from "../../envoy/container/leftovers.ts";
import { envoyBinary } from "../../envoy/binary.ts";
import { LocalProcess, type MeshProcess } from "../command-line.ts";
import type { ControlService } from "../control.ts";
import type { Links } from "../links.ts";
import { MeshError } from "../mesh-error.ts";
import { HOST_NAMED, type PlacedGateway, type PlacedWorkload } from "../objects.ts";
import { HTTP_PROXY_PORT } from "../program.ts";
import type { Places, Runtime } from "../runtime.ts";
import type { Declared } from "../spec.ts";
import { type Container, type Engine, IMAGE, meshEngine, type Mount, type Network } from "./engine.ts";
import { ContainerLinks } from "./links.ts";
import { compileCache, faultMounts, mounts } from "./mounts.ts";
import { type KeeperSpec, keeperCommand, KEEPS, type KeptLinks, type Relay } from "./pod.ts";
import { ContainerProcess } from "./process.ts";

const CONTROL = "control";
const XDS = 15_010;
const ADMIN = 15_014;
/** Where a program's own requests are taken; loopback in its own network. */
const OUTBOUND = "127.0.0.2";
const PROGRAM_PORT = 15_080;
/** Where links of a caller's own network stand for workloads: `127.0.1.2` for the first. */
const LINKED = "127.0.1";
/** From here on gateways listen instead where links have the port; 15,000 and on are the mesh's own. */
const GATEWAY_PORT = 20_000;
const TRIES = 20;

/** The network of a workload, a gateway or the control service, kept by a container of its own, as in a Pod. */
interface Pod {
  readonly address: string;
  readonly keeper: ContainerProcess;
}

/** Containers on a network of their own, made of this machine's files. */
export class ContainerRuntime implements Runtime {
  private readonly engine: Engine;
  private readonly folder: string;
  private readonly mounts: readonly Mount[];
  private readonly envoy: string;
  private readonly network: Network;
  /** `198.18.3`, of the addresses for tests of networks (RFC 2544), which nobody routes. */
  private readonly prefix: string;
  private readonly startTimeout: number;
  private readonly linked: boolean;
  /** What the keepers have of links, by caller. */
  private readonly kept = new Map<string, KeptLinks>();
  private readonly pods = new Map<string, Pod>();
  private readonly processes: ContainerProcess[] = [];
  private readonly open = new Set<Promise<unknown>>();
  /** Removes the folder where this process is killed. */
  private readonly guard: LocalProcess;

  private constructor(
    engine: Engine,
    network: { readonly network: Network; readonly prefix: string },
    parts: {
      readonly folder: string;
      readonly mounts: readonly Mount[];
      readonly envoy: string;
      readonly linked: boolean;
      readonly startTimeout: number;
    },
  ) {
    this.engine = engine;
    this.network = network.network;
    this.prefix = network.prefix;
    this.folder = parts.folder;
    this.mounts = parts.mounts;
    this.envoy = parts.envoy;
    this.linked = parts.linked;
    this.startTimeout = parts.startTimeout;
    this.guard = new LocalProcess("the guard of the mesh", parts.folder, ["sleep", "2147483647"]);
  }

  static async start(folder: string, linked: boolean, startTimeout: number): Promise<ContainerRuntime> {
    const engine = await meshEngine();
    await removeLeftovers();
    const parts = { folder, mounts: await mounts(folder), envoy: (await envoyBinary()).path, linked, startTimeout };
    return new ContainerRuntime(engine, await createNetwork(engine), parts);
  }

  async place({ services, workloads, gateways }: Declared): Promise<Places> {
    const control = `${this.prefix}.2`;
    const address = (index: number) => `${this.prefix}.${3 + index}`;
    // Of requests the sidecar sees on one socket which service they are for.
    const others = services.filter(({ protocol }) => !HOST_NAMED.has(protocol)).map(({ port }) => port);
    const placed = workloads.map((workload, index): PlacedWorkload => {
      const { name, command } = workload;
      const inbound = address(index);
      const published = this.linked ? `${LINKED}.${2 + index}` : inbound;
      return {
        ...{ workload, programPort: PROGRAM_PORT, inbound, outbound: OUTBOUND, published, egress: this.file(name, "egress") },
        ...(command === undefined && { socket: this.file(name, "program") }),
        doors: new Map(others.map((port) => [port, { path: this.file(name, `tcp-${port}`) }])),
        hasEgressProxy: true,
      };
    });
    // Links have the ports of services on addresses of the network that gateways share with them.
    const taken = new Set(this.linked ? services.map(({ port }) => port) : []);
    const atEdge = gateways.map((gateway, index): PlacedGateway => {
      const host = address(workloads.length + index);
      return { gateway, address: host, host, listening: listeningOf(gateway.ports, taken) };
    });
    const loopback = (port: number) => ({ host: "127.0.0.1", port });
    const toControl = { from: loopback(XDS), to: { host: control, port: XDS } };
    const toWorkloads = placed.map(({ workload, inbound, published }) => {
      const { port } = workload.service;
      return { from: { host: published, port }, to: { host: inbound, port } };
    });
    /** With the ways out, of a workload or gateway. */
    const addCaller = (name: string, own: string, relays: readonly Relay[]) => {
      if (!this.linked) return this.addPod(name, own, { relays: [...relays, toControl] });
      const kept = { socket: this.file(name, "links"), counts: this.file(name, "counts"), links: [toControl, ...toWorkloads] };
      this.kept.set(name, kept);
      return this.addPod(name, own, { relays, kept });
    };
    await Promise.all([
      this.addPod(CONTROL, control, { relays: [XDS, ADMIN].map((port) => ({ from: { host: control, port }, to: loopback(port) })) }),
      ...placed.map(({ workload: { name }, inbound, egress, doors }) =>
        addCaller(name, inbound, [
          { from: { host: OUTBOUND, port: HTTP_PROXY_PORT }, to: { path: egress } },
          { from: { path: this.file(name, "probe") }, to: loopback(PROGRAM_PORT), asks: true },
          ...[...doors].map(([port, from]) => ({ from, to: { host: OUTBOUND, port } })),
        ]),
      ),
      ...atEdge.map(({ gateway: { name }, address: own }) => addCaller(name, own, [])),
    ]);
    const tokenFile = join(this.folder, "admin.token");
    await writeFile(tokenFile, randomBytes(32).toString("hex"), { mode: 0o600 });
    const places = { xds: `127.0.0.1:${XDS}`, admin: `127.0.0.1:${ADMIN}`, adminUrl: `http://${control}:${ADMIN}`, tokenFile };
    return { workloads: placed, gateways: atEdge, control: places };
  }

  async links(places: Places, control: ControlService): Promise<Links> {
    return new ContainerLinks(places, this.kept, control);
  }

  run(what: string, place: string, command: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): MeshProcess {
    return this.container(what, command, env, async () => {
      return { NetworkMode: `container:${String(await this.pods.get(place)?.keeper.id())}` };
    });
  }

  async listens({ workload: { name } }: PlacedWorkload): Promise<boolean> {
    const socket = connect(this.file(name, "probe")).on("error", () => undefined);
    let answer = "";
    socket.on("data", (chunk) => (answer += String(chunk)));
    await once(socket, "close");
    return answer === "yes";
  }

  async idle(): Promise<void> {
    await Promise.all(this.open);
  }

  async connect(place: string, connected: boolean): Promise<void> {
    const pod = this.pods.get(place);
    if (pod === undefined) throw new MeshError("spec", `the mesh has no ${place}`);
    const id = await pod.keeper.id();
    const { Containers: members } = (await this.network.inspect()) as { readonly Containers?: Readonly<Record<string, unknown>> };
    if ((members?.[id] !== undefined) === connected) return;
    if (connected) await this.network.connect({ Container: id, EndpointConfig: { IPAMConfig: { IPv4Address: pod.address } } });
    else await this.network.disconnect({ Container: id, Force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map((each) => each.leave()));
    await this.network.remove();
    await this.guard.end("SIGKILL");
  }

  private file(name: string, kind: string): string {
    return join(this.folder, `${name}.${kind}`);
  }

  private async addPod(name: string, address: string, spec: KeeperSpec): Promise<void> {
    const keeper = this.container(
      `the network of ${name}`,
      keeperCommand(spec),
      {},
      async () => ({ NetworkMode: this.network.id }),
      address,
    );
    this.pods.set(name, { address, keeper });
    await keeper.line("it was ready", ({ message }) => message === KEEPS, this.startTimeout);
  }

  private container(
    what: string,
    command: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
    host: () => Promise<{ readonly NetworkMode: string }>,
    address?: string,
  ): ContainerProcess {
    const variables = {
      PATH: process.env["PATH"],
      HOME: "/tmp",
      ENVOY_BIN: this.envoy,
      NODE_COMPILE_CACHE: compileCache(),
      ...env,
    };
    const create = async (): Promise<Container> => {
      const hostConfig = await host();
      return this.engine.createContainer({
        Image: IMAGE,
        Cmd: [...command],
        Env: Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
        // What they write is this user's.
        User: `${String(process.getuid?.())}:${String(process.getgid?.())}`,
        WorkingDir: process.cwd(),
        Labels: { [OWNER_LABEL]: OWNER },
        HostConfig: { ...hostConfig, Mounts: [...this.mounts, ...faultMounts(env)], Tmpfs: { "/tmp": "mode=1777,exec" } },
        ...(address !== undefined && {
          NetworkingConfig: { EndpointsConfig: { [this.network.id]: { IPAMConfig: { IPv4Address: address } } } },
        }),
      });
    };
    const made = new ContainerProcess(what, create, (operation) => this.asked(operation));
    this.processes.push(made);
    return made;
  }

  private asked<T>(operation: Promise<T>): Promise<T> {
    this.open.add(operation);
    const forget = () => void this.open.delete(operation);
    operation.then(forget, forget);
    return operation;
  }
}

/** Where a gateway listens, on all addresses: at the ports of its Gateways, or others for those that are taken. */
function listeningOf(ports: readonly number[], taken: ReadonlySet<number>): ReadonlyMap<number, number> {
  const others = Array.from({ length: 2 * ports.length + taken.size }, (_, index) => GATEWAY_PORT + index);
  const free = others.filter((port) => !taken.has(port) && !ports.includes(port));
  return new Map(ports.map((port, index) => [port, taken.has(port) ? (free[index] ?? port) : port]));
}

/** With addresses that are free here. */
async function createNetwork(engine: Engine): Promise<{ readonly network: Network; readonly prefix: string }> {
  const own = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
  let reason: unknown;
  for (let tries = 0; tries < TRIES; tries++) {
    const prefix = `198.${randomInt(18, 20)}.${randomInt(0, 256)}`;
    if (own.some((address) => address.startsWith(`${prefix}.`))) continue;
    try {
      const network = await engine.createNetwork({
        Name: `meshwright-${randomUUID()}`,
        Driver: "bridge",
        IPAM: { Driver: "default", Config: [{ Subnet: `${prefix}.0/24` }] },
        Labels: { [OWNER_LABEL]: OWNER },
      });
      return { network, prefix };
    } catch (error) {
      // Somebody else has it.
      reason = error;
    }
  }
  throw new MeshError("unavailable", `the container engine makes no network: ${String(reason)}`, [], { cause: reason });
}
