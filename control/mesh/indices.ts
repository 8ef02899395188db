import {
  compareAge,
  type Contribution,
  type EndpointList,
  type Gateway,
  type HostName,
  type IssuerKeys,
  type MeshHealthState,
  type MeshObject,
  type ModuleState,
  type Peer,
  type PeerAuthentication,
  type Plugin,
  type Policy,
  type ProxySettingsOverride,
  type Routing,
  type Secret,
  type Service,
  type SidecarScope,
  type TrafficRules,
  type Workload,
  mirrorsOf,
} from "../model/index.ts";
import { type Grouped, regroup } from "./grouped.ts";
import { countLabelKeys, type LabelKeys, noLabelKeys } from "./label-keys.ts";

/** All contributions, by what they are looked for by. Lists are in the order of `compareAge`. Immutable. */
export interface Indices {
  /** By host. */
  readonly services: Grouped<Service>;
  /** By namespace: those that select workloads. */
  readonly selecting: Grouped<Service>;
  /** By each `namespace address` that they list themselves. */
  readonly listing: Grouped<Service>;
  /** By `namespace host`. */
  readonly endpoints: Grouped<EndpointList>;
  /** The same by each `namespace address` in them. */
  readonly endpointAddresses: Grouped<EndpointList>;
  /** By namespace. */
  readonly workloads: Grouped<Workload>;
  /** By address. */
  readonly addresses: Grouped<Workload>;
  /** By each of their hosts. */
  readonly routings: Grouped<Routing>;
  /** By `namespace/name` of their object. */
  readonly routingObjects: ReadonlyMap<string, Routing>;
  /** By each gateway that they are bound to. */
  readonly gatewayRoutings: Grouped<Routing>;
  /** By each host that they mirror requests to. */
  readonly mirroring: Grouped<Routing>;
  /** By host. */
  readonly trafficRules: Grouped<TrafficRules>;
  /** By `namespace/name`. */
  readonly secrets: Grouped<Secret>;
  readonly gateways: readonly Gateway[];
  readonly sidecars: readonly SidecarScope[];
  readonly plugins: readonly Plugin[];
  /** The same object as long as what workloads say of their proxies is the same: `Workload.proxyConfig`, and labels with one of `labelKeys`. */
  readonly said: object;
  readonly proxySettings: readonly ProxySettingsOverride[];
  readonly labelKeys: LabelKeys;
  /** By namespace. */
  readonly peerAuthentications: Grouped<PeerAuthentication>;
  /** By `kind namespace`. */
  readonly policies: Grouped<Policy>;
  /** Proxies that connected, by each `namespace address` of theirs. */
  readonly peers: Grouped<Peer>;
  /** Certificates that the workloads of the mesh trust, PEM, one text each. */
  readonly roots: readonly string[];
  /** What issuers of tokens said of their keys. */
  readonly issuers: ReadonlyMap<string, IssuerKeys>;
  /** What became of requests for modules, by their keys. */
  readonly modules: ReadonlyMap<string, ModuleState>;
  /** What mesh-wide health has found out. */
  readonly health: MeshHealthState;
}

const nothing = new Map<string, never>();

export const noIndices: Indices = {
  services: nothing,
  selecting: nothing,
  listing: nothing,
  endpoints: nothing,
  endpointAddresses: nothing,
  workloads: nothing,
  addresses: nothing,
  routings: nothing,
  routingObjects: nothing,
  gatewayRoutings: nothing,
  mirroring: nothing,
  trafficRules: nothing,
  secrets: nothing,
  gateways: [],
  sidecars: [],
  plugins: [],
  said: {},
  proxySettings: [],
  labelKeys: noLabelKeys,
  peerAuthentications: nothing,
  policies: nothing,
  peers: nothing,
  roots: [],
  issuers: nothing,
  modules: nothing,
  health: { reports: undefined, marks: nothing },
};

/** The indices after contributions went and came. */
export function indices(before: Indices, gone: readonly Contribution[], come: readonly Contribution[]): Indices {
  const group = <T extends Owned>(
    index: Grouped<T>,
    entries: (contribution: Contribution) => readonly T[] | undefined,
    keys: (entry: T) => Iterable<string>,
  ) => regroup(index, keyed(gone, entries, keys), keyed(come, entries, keys), byAge);
  const list = <T extends Owned>(entries: readonly T[], of: (contribution: Contribution) => readonly T[] | undefined) =>
    relist(entries, gone, come, of);
  const routings = (contribution: Contribution) => contribution.routings;
  const labelKeys = countLabelKeys(before.labelKeys, gone, come);
  return {
    services: group(
      before.services,
      ({ services }) => services,
      ({ host }) => [host],
    ),
    selecting: group(
      before.selecting,
      ({ services }) => services,
      ({ namespace, selector }) => (selector === undefined ? [] : [namespace]),
    ),
    listing: group(
      before.listing,
      ({ services }) => services,
      ({ namespace, endpoints }) => new Set(endpoints.map(({ address }) => `${namespace} ${address}`)),
    ),
    endpoints: group(
      before.endpoints,
      ({ endpoints }) => endpoints,
      (each) => [endpointListKey(each)],
    ),
    endpointAddresses: group(
      before.endpointAddresses,
      ({ endpoints }) => endpoints,
      ({ namespace, endpoints }) => new Set(endpoints.map(({ address }) => `${namespace} ${address}`)),
    ),
    workloads: group(
      before.workloads,
      ({ workloads }) => workloads,
      ({ namespace }) => [namespace],
    ),
    addresses: group(
      before.addresses,
      ({ workloads }) => workloads,
      ({ addresses }) => addresses,
    ),
    routings: group(before.routings, routings, ({ hosts }) => new Set(hosts)),
    routingObjects: routingObjects(before.routingObjects, gone, come),
    gatewayRoutings: group(before.gatewayRoutings, routings, gatewaysOf),
    mirroring: group(before.mirroring, routings, mirrorHostsOf),
    trafficRules: group(
      before.trafficRules,
      ({ trafficRules }) => trafficRules,
      ({ host }) => [host],
    ),
    secrets: group(
      before.secrets,
      ({ secrets }) => secrets,
      ({ namespace, name }) => [`${namespace}/${name}`],
    ),
    gateways: list(before.gateways, ({ gateways }) => gateways),
    sidecars: list(before.sidecars, ({ sidecars }) => sidecars),
    plugins: list(before.plugins, ({ plugins }) => plugins),
    said: saidByWorkloads(before.said, labelKeys.keys, gone, come),
    proxySettings: list(before.proxySettings, ({ proxySettings }) => proxySettings),
    labelKeys,
    peerAuthentications: group(
      before.peerAuthentications,
      ({ peerAuthentications }) => peerAuthentications,
      ({ namespace }) => [namespace],
    ),
    policies: group(
      before.policies,
      ({ policies }) => policies,
      ({ object, namespace }) => [policyKey(object.kind, namespace)],
    ),
    peers: before.peers,
    roots: before.roots,
    issuers: before.issuers,
    modules: before.modules,
    health: before.health,
  };
}

export function policyKey(kind: string, namespace: string): string {
  return `${kind} ${namespace}`;
}

export function endpointListKey({ namespace, host }: { readonly namespace: string; readonly host: HostName }): string {
  return `${namespace} ${host}`;
}

/** Gateways to which a routing is bound. Matches choose among them, and bind to nothing (Istio's `getGatewayNames`). */
export function gatewaysOf({ gateways }: Routing): ReadonlySet<string> {
  return new Set(gateways);
}

/** Every host that a routing mirrors requests to. */
export function mirrorHostsOf({ http }: Routing): ReadonlySet<HostName> {
  return new Set(http.flatMap((route) => mirrorsOf(route).map(({ destination }) => destination.host)));
}

interface Owned {
  readonly object: MeshObject;
}

function byAge(a: Owned, b: Owned): number {
  return compareAge(a.object, b.object);
}

function keyed<T>(
  contributions: readonly Contribution[],
  entries: (contribution: Contribution) => readonly T[] | undefined,
  keys: (entry: T) => Iterable<string>,
): readonly (readonly [string, T])[] {
  return contributions.flatMap((contribution) =>
    (entries(contribution) ?? []).flatMap((entry) => Array.from(keys(entry), (key) => [key, entry] as const)),
  );
}

function relist<T extends Owned>(
  list: readonly T[],
  gone: readonly Contribution[],
  come: readonly Contribution[],
  of: (contribution: Contribution) => readonly T[] | undefined,
): readonly T[] {
  const removed = new Set(gone.flatMap((contribution) => of(contribution) ?? []));
  const added = come.flatMap((contribution) => of(contribution) ?? []);
  if (removed.size === 0 && added.length === 0) return list;
  return [...list.filter((entry) => !removed.has(entry)), ...added].sort(byAge);
}

function routingObjects(
  before: ReadonlyMap<string, Routing>,
  gone: readonly Contribution[],
  come: readonly Contribution[],
): ReadonlyMap<string, Routing> {
  const key = ({ object: { metadata } }: Routing): string => `${metadata.namespace}/${metadata.name}`;
  const removed = gone.flatMap(({ routings = [] }) => routings);
  const added = come.flatMap(({ routings = [] }) => routings);
  if (removed.length === 0 && added.length === 0) return before;
  const result = new Map(before);
  for (const routing of removed) result.delete(key(routing));
  for (const routing of added) result.set(key(routing), routing);
  return result;
}

function saidByWorkloads(
  before: object,
  relevant: ReadonlySet<string>,
  gone: readonly Contribution[],
  come: readonly Contribution[],
): object {
  const of = (contributions: readonly Contribution[]): string =>
    contributions
      .flatMap(({ workloads = [] }) =>
        workloads.flatMap(({ name, namespace, addresses, labels, proxyConfig }) => {
          const telling = Object.entries(labels).filter(([key]) => relevant.has(key));
          if (proxyConfig === undefined && telling.length === 0) return [];
          return [JSON.stringify([namespace, name, addresses, proxyConfig, telling.sort()])];
        }),
      )
      .sort()
      .join("\n");
  return of(gone) === of(come) ? before : {};
}
