import type { HostName } from "../model/index.ts";

/**
 * The name of something in the mesh that changes by itself. Whoever reads it says so to its `Reads`; a change says which cells it touched; so what must be
 * made again is known without looking at the rest.
 */
export type Cell = string;

export const cell = {
  settings: "settings",
  /** Which host names there are, and who sees them. */
  hosts: "hosts",
  /** Which host names routings have, and who sees them. */
  routedHosts: "routed hosts",
  sidecars: "sidecars",
  gateways: "gateways",
  plugins: "plugins",
  proxySettings: "proxy settings",
  /** Certificates that the workloads of the mesh trust. */
  roots: "roots",
  /** The services of exactly this host name. */
  service: (host: HostName): Cell => `service ${host}`,
  /** Where the hosts of a service are, and what was found out about them. */
  endpoints: (host: HostName): Cell => `endpoints ${host}`,
  /** Routings of which one host is exactly this. */
  routing: (host: HostName): Cell => `routing ${host}`,
  /** Routings that mirror requests to exactly this host. */
  mirrors: (host: HostName): Cell => `mirrors ${host}`,
  /** A routing by its object: delegates are found so. */
  routingObject: (namespace: string, name: string): Cell => `routing object ${namespace}/${name}`,
  /** Hosts of the routings that are bound to a gateway. */
  gatewayHosts: (gateway: string): Cell => `gateway hosts ${gateway}`,
  trafficRules: (host: HostName): Cell => `traffic rules ${host}`,
  secret: (namespace: string, name: string): Cell => `secret ${namespace}/${name}`,
  /** The workload that has an address, and the lists of endpoints that have it. */
  address: (address: string): Cell => `address ${address}`,
  /** Identities that the endpoints of a service may have. */
  identities: (host: HostName): Cell => `identities ${host}`,
  /** PeerAuthentications of a namespace. */
  peerAuthentications: (namespace: string): Cell => `peer authentications ${namespace}`,
  /** Policies of a kind in a namespace. */
  policies: (kind: string, namespace: string): Cell => `policies ${kind} ${namespace}`,
  /** Where an issuer of tokens says that its keys are. */
  issuer: (issuer: string): Cell => `issuer ${issuer}`,
  /** What became of the request for a module, by its key. */
  module: (key: string): Cell => `module ${key}`,
  /** Where health reports go. */
  healthReports: "health reports",
  /** Services of a namespace that select workloads. */
  selectors: (namespace: string): Cell => `selectors ${namespace}`,
} as const;

/** The host of a cell of endpoints; undefined for other cells. */
export function hostOfEndpoints(of: Cell): HostName | undefined {
  const prefix = cell.endpoints("");
  return of.startsWith(prefix) ? of.slice(prefix.length) : undefined;
}

/** What only a proxy itself can be asked for: all that it told, the ports of its workload, its labels, one text of its metadata. */
export type OwnFactName = "proxy" | "inbound" | "labels" | `metadata ${string}`;

/** Something that is a proxy's own, and where it was found. */
export interface OwnFact {
  readonly value: unknown;
  readonly cells: ReadonlySet<Cell>;
}

/** What something was made from. */
export class Reads {
  /** Cells that were read, but for those in which facts of the proxy itself were found. */
  readonly cells = new Set<Cell>();
  readonly own = new Map<OwnFactName, OwnFact>();

  /** Whether it was made for one proxy, or those that have the same facts of their own. */
  get individual(): boolean {
    return this.own.size > 0;
  }

  /** Every cell that was read. */
  get all(): ReadonlySet<Cell> {
    return this.individual ? new Set([...this.cells, ...[...this.own.values()].flatMap(({ cells }) => [...cells])]) : this.cells;
  }
}
