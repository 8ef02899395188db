import { join } from "node:path";
import { Addresses, freePorts, listens } from "./addresses.ts";
import { LocalProcess, type MeshProcess } from "./command-line.ts";
import type { ControlService } from "./control.ts";
import { type Links, LocalLinks } from "./links.ts";
import { MeshError } from "./mesh-error.ts";
import type { PlacedGateway, PlacedWorkload } from "./objects.ts";
import type { Declared } from "./spec.ts";

/** Where everything of a mesh runs. */
export interface Places {
  readonly workloads: readonly PlacedWorkload[];
  readonly gateways: readonly PlacedGateway[];
  readonly control: ControlPlace;
  /** Whether callers make connections from their own address, by which links know them. Default: false. */
  readonly ownSources?: boolean;
}

/** Where the control service listens, and where it is reached. */
export interface ControlPlace {
  /** `HOST:PORT`; port 0: any that is free, and after a restart the same. */
  readonly xds: string;
  readonly admin: string;
  /** URL at which this process reaches the administration interface. Default: what the service logs. */
  readonly adminUrl?: string;
  /** With the token that the administration interface wants where it is asked by its own address. Default: the one that the service logs, if any. */
  readonly tokenFile?: string;
}

/** What the parts of a mesh run in. */
export interface Runtime extends AsyncDisposable {
  /** Makes a place for everything that was declared. */
  place(declared: Declared): Promise<Places>;
  /** Links between all, where they were asked for. */
  links(places: Places, control: ControlService): Promise<Links>;
  /** @param place name of a workload or gateway, or `control` */
  run(what: string, place: string, command: readonly string[], env?: Readonly<Record<string, string | undefined>>): MeshProcess;
  /** Whether somebody listens at the port that a workload's program was given. */
  listens(workload: PlacedWorkload): Promise<boolean>;
  /** When everything that was asked of it is so. */
  idle(): Promise<void>;
  /** Takes a place off the network, or puts it back. */
  connect(place: string, connected: boolean): Promise<void>;
}

/** Processes of this machine, each workload with loopback addresses of its own. */
export class LocalRuntime implements Runtime {
  private readonly addresses: Addresses;
  private readonly folder: string;
  private readonly linked: boolean;

  private constructor(addresses: Addresses, folder: string, linked: boolean) {
    this.addresses = addresses;
    this.folder = folder;
    this.linked = linked;
  }

  static async start(folder: string, linked: boolean): Promise<LocalRuntime> {
    return new LocalRuntime(await Addresses.lease(), folder, linked);
  }

  async place({ services, workloads, gateways }: Declared): Promise<Places> {
    const called = new Set(services.map(({ port }) => port));
    await this.addresses.check(called);
    const atEdge = gateways.flatMap(({ ports }) => ports);
    const free = [...(await freePorts(workloads.length + atEdge.length))];
    const next = () => free.pop() ?? 0;
    return {
      workloads: workloads.map((workload, index): PlacedWorkload => {
        const { inbound, outbound, link } = this.addresses.of(index);
        const egress = join(this.folder, `${workload.name}.egress`);
        const doors = new Map([...called].map((port) => [port, { host: outbound, port }]));
        return { workload, programPort: next(), inbound, outbound, published: this.linked ? link : inbound, egress, doors };
      }),
      gateways: gateways.map((gateway, index): PlacedGateway => {
        const listening = new Map(gateway.ports.map((port) => [port, next()]));
        return { gateway, address: this.addresses.of(workloads.length + index).inbound, host: "127.0.0.1", listening };
      }),
      control: { xds: "127.0.0.1:0", admin: "127.0.0.1:0" },
      ownSources: this.linked,
    };
  }

  links(places: Places, control: ControlService): Promise<Links> {
    return LocalLinks.start(places, control);
  }

  run(what: string, _place: string, command: readonly string[], env?: Readonly<Record<string, string | undefined>>): MeshProcess {
    return new LocalProcess(what, this.folder, command, env);
  }

  listens({ programPort }: PlacedWorkload): Promise<boolean> {
    return listens(programPort);
  }

  async idle(): Promise<void> {
    // Signals are there when they are sent.
  }

  async connect(): Promise<void> {
    throw new MeshError(
      "spec",
      'processes share the network of this machine, from which none can be taken; declare the mesh with runtime: "container", or with links: true and cut its links',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.addresses[Symbol.asyncDispose]();
  }
}
