import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { Link, startLink } from "../faults/index.ts";
import { CONTROL, type ControlService } from "./control.ts";
import { MeshError } from "./mesh-error.ts";
import type { PlacedGateway, PlacedWorkload } from "./objects.ts";

/**
 * A link between each two that speak to each other. The control service tells all callers one address of a workload; who has come to it is seen by the address that the connection is from, and
 * goes on to the sidecar of the workload.
 */
export class Links implements AsyncDisposable {
  private readonly workloads: ReadonlyMap<string, PlacedWorkload>;
  /** Names of those who call, by address. */
  private readonly callers: ReadonlyMap<string, string>;
  /** To workloads, by both names. */
  private readonly between = new Map<string, Link>();
  private readonly toControl = new Map<string, Link>();
  private readonly resources = new AsyncDisposableStack();

  private constructor(workloads: readonly PlacedWorkload[], gateways: readonly PlacedGateway[]) {
    this.workloads = new Map(workloads.map((each) => [each.workload.name, each]));
    this.callers = new Map([
      ...workloads.map(({ workload, inbound }) => [inbound, workload.name] as const),
      ...gateways.map(({ gateway, address }) => [address, gateway.name] as const),
    ]);
  }

  /** Listens where the workloads are published. */
  static async start(workloads: readonly PlacedWorkload[], gateways: readonly PlacedGateway[], control: ControlService): Promise<Links> {
    const links = new Links(workloads, gateways);
    try {
      await Promise.all(workloads.map((workload) => links.listen(workload)));
      const destination = () => ({ host: "127.0.0.1", port: Number(control.xds.slice(control.xds.lastIndexOf(":") + 1)) });
      for (const caller of links.callers.values()) {
        links.toControl.set(caller, links.resources.use(await startLink({ to: destination })));
      }
    } catch (error) {
      await links[Symbol.asyncDispose]();
      throw error;
    }
    return links;
  }

  /** Where the proxy of a workload or gateway reaches the control service, `HOST:PORT`. */
  control(caller: string): string {
    return `127.0.0.1:${this.get(caller, CONTROL).port}`;
  }

  /** @throws MeshError where there is nobody of such a name */
  get(from: string, to: string): Link {
    const callers = [...this.callers.values()];
    if (!callers.includes(from)) throw unknown("from", from, callers);
    if (to === CONTROL) return this.toControl.get(from) as Link;
    const workload = this.workloads.get(to);
    if (workload === undefined || from === to)
      throw unknown(
        `from ${from} to`,
        to,
        [CONTROL, ...this.workloads.keys()].filter((name) => name !== from),
      );
    return this.link(from, workload);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }

  private link(from: string, { workload, inbound }: PlacedWorkload): Link {
    const key = `${from} ${workload.name}`;
    const known = this.between.get(key);
    if (known !== undefined) return known;
    const [localAddress] = [...this.callers].find(([, name]) => name === from) ?? [];
    // What the other end sees of its caller stays as it is.
    const to = { host: inbound, port: workload.service.port, ...(localAddress !== undefined && { localAddress }) };
    const link = this.resources.use(new Link({ to, listens: false }));
    this.between.set(key, link);
    return link;
  }

  private async listen(place: PlacedWorkload): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
      this.link(this.callers.get(socket.remoteAddress ?? "") ?? "", place).carry(socket);
    });
    server.listen(place.workload.service.port, place.published);
    await once(server, "listening");
    this.resources.defer(() => void server.close());
  }
}

function unknown(what: string, name: string, known: readonly string[]): MeshError {
  return new MeshError("spec", `there is no link ${what} ${name}; it may be one of ${known.join(", ")}`);
}
