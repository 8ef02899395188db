import { isIPv6, SocketAddress } from "node:net";
import type { ProxyView } from "../../../control/model/index.ts";
import { splitAddress } from "../../../harness/envoy/client/dial.ts";
import { DEFAULT_AUTHORITY, DEFAULT_SOURCE, type ExchangeRequest } from "../../../harness/target/index.ts";
import { KnownHosts } from "./known-hosts.ts";
import type { OpenListener } from "./listener.ts";

export type Direction = "inbound" | "outbound";

interface Socket {
  readonly ip: string;
  /** Absent where any will do. */
  readonly port?: number;
}

/** Where a request is sent, and how. */
export interface Aim {
  /** Name of the listener that takes it. */
  readonly listener: string;
  readonly path: string;
  readonly source: Socket;
  /** `ip:port` to which the client wants to go. */
  readonly destination: string;
  readonly tls: boolean;
  /** Whether TLS is that between proxies of the mesh, of which the workloads know nothing. */
  readonly ofMesh: boolean;
  readonly scheme: string;
}

const PORTS = { http: 80, https: 443 } as const;

/** Finds the listener that takes a request, as the network would: by address and port. */
export class Range {
  private readonly view: ProxyView;
  private readonly hosts: KnownHosts;
  private readonly direction: Direction | "gateway";
  private readonly listeners: readonly OpenListener[];
  private readonly targetPorts: ReadonlyMap<number, number>;

  /** @param direction of a sidecar; a router has the listeners of its gateways */
  constructor(view: ProxyView, listeners: readonly OpenListener[], direction: Direction) {
    this.view = view;
    this.hosts = new KnownHosts(view);
    this.direction = view.client().type === "router" ? "gateway" : direction;
    this.listeners = this.direction === "gateway" ? listeners : listeners.filter(({ inbound }) => inbound === (direction === "inbound"));
    // Of two services on one port the first counts, as for its listener.
    this.targetPorts = new Map(
      view
        .inbound()
        .ports.map(({ port, targetPort }) => [port.number, targetPort] as const)
        .toReversed(),
    );
  }

  /** Throws where nobody listens. */
  aim(request: ExchangeRequest): Aim {
    const { authority = DEFAULT_AUTHORITY, scheme, destination = {}, source = {}, sni } = request;
    const [, host = authority, portText] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(authority) ?? [];
    const isHttps =
      scheme?.toLowerCase() === "https" || sni !== undefined || (this.direction === "gateway" && source.principal !== undefined);
    const called = portText === undefined ? PORTS[isHttps ? "https" : "http"] : Number(portText);
    const address = bare(destination.address ?? (this.direction === "outbound" ? this.hosts.addressOf(host) : this.own()));
    const port = destination.port ?? this.ownPort(called);
    const listener = this.listenerFor(address, port);
    const { some, only } = listener.tls;
    if (source.principal !== undefined && this.direction !== "outbound" && !some.has(port) && !some.has(0)) {
      throw new Error(
        `source.principal: there is no certificate that could say so, because the proxy takes no TLS on port ${port}; leave it out, or give the proxy a listener with TLS`,
      );
    }
    const ofMesh = this.direction === "inbound" && source.principal !== undefined && !isHttps;
    const tls = isHttps || ofMesh || (only && scheme === undefined);
    return {
      listener: listener.name,
      path: listener.path,
      ...ends(this.clientOf(source.address), { ip: address, port }),
      ofMesh,
      scheme: scheme ?? (tls && !ofMesh ? "https" : "http"),
      tls,
    };
  }

  /** Requests of a workload come from where it is; those to it from somebody unknown. */
  private clientOf(address: string | undefined): Socket {
    if (address !== undefined) {
      const { ip, port } = splitAddress(address);
      return port === 0 ? { ip } : { ip, port };
    }
    return { ip: this.direction === "outbound" ? this.own() : splitAddress(DEFAULT_SOURCE).ip };
  }

  private own(): string {
    return this.view.proxy().addresses[0] ?? "127.0.0.1";
  }

  /** Clients know the port of a service; the workload may listen on another, and so does its proxy. */
  private ownPort(called: number): number {
    const listens =
      this.listeners.some(({ port, redirected }) => !redirected && port === called) || [...this.targetPorts.values()].includes(called);
    return this.direction === "outbound" || listens ? called : (this.targetPorts.get(called) ?? called);
  }

  /** Who listens at the very address goes before who listens at all, and that one before whom everything is redirected to. */
  private listenerFor(address: string, port: number): OpenListener {
    const own = this.listeners.filter((listener) => !listener.redirected && listener.port === port);
    const found =
      own.find((listener) => listener.address === address) ??
      own.find((listener) => isWildcard(listener.address)) ??
      this.listeners.find(({ redirected }) => redirected) ??
      // Who has no address of their own to go to means the only one that there is.
      own[0];
    if (found !== undefined) return found;
    const ports = [...new Set(this.listeners.map((listener) => listener.port))].filter((each) => each !== 0).sort((a, b) => a - b);
    const there = ports.length === 0 ? `it has no ${this.direction} listeners` : `it listens on ${ports.join(", ")}`;
    throw new Error(`destination.port: the proxy does not listen on port ${port}; ${there}`);
  }
}

/** Both ends as a PROXY header has them and Envoy writes them: of one family, IPv6 in its shortest form. */
function ends(source: Socket, destination: Socket): Pick<Aim, "source" | "destination"> {
  const six = isIPv6(source.ip) || isIPv6(destination.ip);
  const ip = (each: string) =>
    six ? `[${new SocketAddress({ address: isIPv6(each) ? each : `::ffff:${each}`, family: "ipv6" }).address}]` : each;
  return { source: { ...source, ip: ip(source.ip) }, destination: `${ip(destination.ip)}:${destination.port ?? 0}` };
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

function bare(address: string): string {
  return address.replace(/^\[(.*)\]$/, "$1");
}
