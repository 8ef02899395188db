import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { Link, startLink } from "../faults/index.ts";
import { CONTROL, type ControlService } from "./control.ts";
import { MeshError } from "./mesh-error.ts";
import type { PlacedWorkload } from "./objects.ts";
import type { Places } from "./runtime.ts";

/** What lies between two that speak to each other, wherever they run. */
export type MeshLink = Pick<Link, "faults" | "counts" | "set" | "heal">;

/** Who calls, and who is called. */
export type LinkedPlaces = Pick<Places, "workloads" | "gateways">;

/** A link between each two that speak to each other. */
export abstract class Links implements AsyncDisposable {
  private readonly callers: readonly string[];
  /** To whom links lead. */
  protected readonly ends: readonly string[];

  constructor({ workloads, gateways }: LinkedPlaces) {
    const names = workloads.map(({ workload }) => workload.name);
    this.callers = [...names, ...gateways.map(({ gateway }) => gateway.name)];
    this.ends = [CONTROL, ...names];
  }

  /** Where the proxy of a workload or gateway reaches the control service, `HOST:PORT`. */
  abstract control(caller: string): string;

  /** @throws MeshError where there is nobody of such a name */
  get(from: string, to: string): MeshLink {
    if (!this.callers.includes(from)) throw unknown("from", from, this.callers);
    const ends = this.ends.filter((name) => name !== from);
    if (!ends.includes(to)) throw unknown(`from ${from} to`, to, ends);
    return this.link(from, to);
  }

  abstract [Symbol.asyncDispose](): Promise<void>;

  protected abstract link(from: string, to: string): MeshLink;
}

/**
 * Links in this process. The control service tells all callers one address of a workload; who has come to it is seen by the address that the connection is from, and goes on to the sidecar of the
 * workload.
 */
export class LocalLinks extends Links {
  private readonly workloads: ReadonlyMap<string, PlacedWorkload>;
  /** Names of those who call, by address. */
  private readonly names: ReadonlyMap<string, string>;
  /** To workloads, by both names. */
  private readonly between = new Map<string, Link>();
  private readonly toControl = new Map<string, Link>();
  private readonly resources = new AsyncDisposableStack();

  private constructor(places: LinkedPlaces) {
    super(places);
    const { workloads, gateways } = places;
    this.workloads = new Map(workloads.map((each) => [each.workload.name, each]));
    this.names = new Map([
      ...workloads.map(({ workload, inbound }) => [inbound, workload.name] as const),
      ...gateways.map(({ gateway, address }) => [address, gateway.name] as const),
    ]);
  }

  /** Listens where the workloads are published. */
  static async start(places: LinkedPlaces, control: ControlService): Promise<LocalLinks> {
    const links = new LocalLinks(places);
    try {
      await Promise.all(places.workloads.map((workload) => links.listen(workload)));
      const destination = () => ({ host: "127.0.0.1", port: Number(control.xds.slice(control.xds.lastIndexOf(":") + 1)) });
      for (const caller of links.names.values()) {
        links.toControl.set(caller, links.resources.use(await startLink({ to: destination })));
      }
    } catch (error) {
      await links[Symbol.asyncDispose]();
      throw error;
    }
    return links;
  }

  control(caller: string): string {
    return `127.0.0.1:${(this.toControl.get(caller) as Link).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }

  protected link(from: string, to: string): Link {
    return to === CONTROL ? (this.toControl.get(from) as Link) : this.toWorkload(from, this.workloads.get(to) as PlacedWorkload);
  }

  private toWorkload(from: string, { workload, inbound }: PlacedWorkload): Link {
    const key = `${from} ${workload.name}`;
    const known = this.between.get(key);
    if (known !== undefined) return known;
    const [localAddress] = [...this.names].find(([, name]) => name === from) ?? [];
    // What the other end sees of its caller stays as it is.
    const to = { host: inbound, port: workload.service.port, ...(localAddress !== undefined && { localAddress }) };
    const link = this.resources.use(new Link({ to, listens: false }));
    this.between.set(key, link);
    return link;
  }

  private async listen(place: PlacedWorkload): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
      this.toWorkload(this.names.get(socket.remoteAddress ?? "") ?? "", place).carry(socket);
    });
    server.listen(place.workload.service.port, place.published);
    await once(server, "listening");
    this.resources.defer(() => void server.close());
  }
}

function unknown(what: string, name: string, known: readonly string[]): MeshError {
  return new MeshError("spec", `there is no link ${what} ${name}; it may be one of ${known.join(", ")}`);
}
