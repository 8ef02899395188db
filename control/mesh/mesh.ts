import {
  compareAge,
  type Contribution,
  type Endpoint,
  type Gateway,
  type HostName,
  type IssuerKeys,
  type Kind,
  type MeshHealthState,
  type MeshObject,
  type MeshSettings,
  type MeshView,
  type ModuleState,
  objectKey,
  type Peer,
  type PeerAuthentication,
  type Plugin,
  type Policies,
  type PolicyKind,
  type Proxy,
  type ProxySettingsOverride,
  type Routing,
  type Secret,
  type Service,
  type SidecarScope,
  type TrafficRules,
  type Workload,
} from "../model/index.ts";
import { type Cell, cell, hostOfEndpoints } from "./cell.ts";
import { endpointsOf } from "./endpoints.ts";
import { identitiesOf } from "./identities.ts";
import { indices, type Indices, noIndices, policyKey } from "./indices.ts";
import { hostsAt, keysOf, labelsOf, type PeerChange, regroupPeers } from "./peers.ts";
import { sidecarAmong } from "./sidecar-choice.ts";
import { touchedBy } from "./touched.ts";
import { workloadOf } from "./workload-of.ts";

/** Objects that came, that were replaced, and that went (by `objectKey`). */
export interface MeshChange {
  readonly upserted: readonly MeshObject[];
  readonly removed: readonly string[];
}

interface Member {
  readonly object: MeshObject;
  readonly contribution: Contribution;
}

/** The mesh at one moment. Immutable: a change makes another, which shares with this one what did not change. */
export class Mesh implements MeshView {
  readonly settings: MeshSettings;
  private readonly kinds: ReadonlyMap<string, Kind>;
  private readonly defaults: MeshSettings;
  private readonly members: ReadonlyMap<string, Member>;
  readonly index: Indices;
  /** The same object as long as names of hosts, and who sees them, are the same: what is kept by it need not be looked for again. */
  readonly names: object;
  /** What was asked for; meshes in which it is the same share it. */
  private endpoints = new Map<Service, readonly Endpoint[]>();
  private readonly lists = new Map<string, readonly unknown[]>();

  private constructor(
    kinds: ReadonlyMap<string, Kind>,
    defaults: MeshSettings,
    settings: MeshSettings,
    members: ReadonlyMap<string, Member>,
    index: Indices,
    names: object = {},
  ) {
    this.names = names;
    this.kinds = kinds;
    this.defaults = defaults;
    this.settings = settings;
    this.members = members;
    this.index = index;
  }

  /** A mesh without objects; `settings` hold until an object brings others. */
  static empty(kinds: readonly Kind[], settings: MeshSettings): Mesh {
    return new Mesh(new Map(kinds.map((kind) => [kind.kind, kind])), settings, settings, new Map(), noIndices);
  }

  /** The mesh after a change, and which cells it touched. Costs what changed, but for new settings: every object may depend on those. */
  apply({ upserted, removed }: MeshChange): { readonly mesh: Mesh; readonly touched: ReadonlySet<Cell> } {
    const members = new Map(this.members);
    const gone: Member[] = [];
    const come: Member[] = [];
    const take = (key: string): void => {
      const member = members.get(key);
      if (member === undefined) return;
      members.delete(key);
      // Of an object that comes twice in one change the last is meant.
      const index = come.indexOf(member);
      if (index >= 0) come.splice(index, 1);
      else gone.push(member);
    };
    for (const key of removed) take(key);
    for (const object of upserted) {
      const key = objectKey(object);
      if (members.get(key)?.object === object) continue;
      take(key);
      const member = { object, contribution: this.contribution(object, this.settings) };
      come.push(member);
      members.set(key, member);
    }
    const mayChangeSettings = [...gone, ...come].some(({ contribution }) => contribution.settings !== undefined);
    const settings = mayChangeSettings ? this.settingsOf(members) : this.settings;
    const settingsChanged = settings !== this.settings;
    if (settingsChanged) this.contributeAgain(settings, members, gone, come);
    const index = indices(this.index, gone.map(contributionOf), come.map(contributionOf));
    const mesh = new Mesh(this.kinds, this.defaults, settings, members, index);
    const touched = touchedBy(this.index, index, gone.map(contributionOf), come.map(contributionOf));
    if (settingsChanged) touched.add(cell.settings);
    if (settingsChanged || touched.has(cell.sidecars)) for (const host of this.hostsListenedFor(mesh)) touched.add(cell.endpoints(host));
    for (const each of [...touched]) {
      const host = hostOfEndpoints(each);
      if (host !== undefined && this.identityKey(host) !== mesh.identityKey(host)) touched.add(cell.identities(host));
    }
    return { mesh, touched };
  }

  /** The mesh after proxies came and went, and which cells are others because of what they told of themselves. */
  applyPeers(change: PeerChange): { readonly mesh: Mesh; readonly touched: ReadonlySet<Cell> } {
    const index = { ...this.index, peers: regroupPeers(this.index.peers, change) };
    const mesh = new Mesh(this.kinds, this.defaults, this.settings, this.members, index, this.names);
    const touched = new Set<Cell>();
    const hosts = hostsAt(index, new Set([...change.come, ...change.gone].flatMap(keysOf)));
    if (hosts.size === 0) mesh.endpoints = this.endpoints;
    else for (const [service, endpoints] of this.endpoints) if (!hosts.has(service.host)) mesh.endpoints.set(service, endpoints);
    for (const host of hosts) {
      if (this.peerKey(host) !== mesh.peerKey(host)) touched.add(cell.endpoints(host));
      if (this.identityKey(host) !== mesh.identityKey(host)) touched.add(cell.identities(host));
    }
    return { mesh, touched };
  }

  /** The mesh after issuers of tokens were asked for their keys, and which cells are others by what they said. */
  applyIssuers(said: ReadonlyMap<string, IssuerKeys>): { readonly mesh: Mesh; readonly touched: ReadonlySet<Cell> } {
    const touched = new Set<Cell>();
    for (const issuer of new Set([...said.keys(), ...this.index.issuers.keys()]))
      if (said.get(issuer)?.uri?.uri !== this.index.issuers.get(issuer)?.uri?.uri) touched.add(cell.issuer(issuer));
    const mesh = new Mesh(this.kinds, this.defaults, this.settings, this.members, { ...this.index, issuers: said }, this.names);
    mesh.endpoints = this.endpoints;
    return { mesh, touched };
  }

  /** The mesh whose workloads trust these certificates, PEM, one text each, and which cells are others by that. */
  applyRoots(roots: readonly string[]): { readonly mesh: Mesh; readonly touched: ReadonlySet<Cell> } {
    if (JSON.stringify(roots) === JSON.stringify(this.index.roots)) return { mesh: this, touched: new Set() };
    const mesh = new Mesh(this.kinds, this.defaults, this.settings, this.members, { ...this.index, roots }, this.names);
    return { mesh, touched: new Set([cell.roots]) };
  }

  /** The mesh after modules came, or could not be had, and which cells are others by that. */
  applyModules(modules: ReadonlyMap<string, ModuleState>): { readonly mesh: Mesh; readonly touched: ReadonlySet<Cell> } {
    const keys = [...new Set([...modules.keys(), ...this.index.modules.keys()])];
    const touched = keys.filter((key) => modules.get(key) !== this.index.modules.get(key)).map((key) => cell.module(key));
    const mesh = new Mesh(this.kinds, this.defaults, this.settings, this.members, { ...this.index, modules }, this.names);
    mesh.endpoints = this.endpoints;
    return { mesh, touched: new Set(touched) };
  }

  /** The mesh after something was found out about its hosts, and which cells are others by that. */
  applyHealth(health: MeshHealthState): { readonly mesh: Mesh; readonly touched: ReadonlySet<Cell> } {
    const before = this.index.health;
    const touched = new Set<Cell>();
    if (JSON.stringify(before.reports) !== JSON.stringify(health.reports)) touched.add(cell.healthReports);
    for (const host of new Set([...before.marks.keys(), ...health.marks.keys()]))
      if (JSON.stringify(before.marks.get(host)) !== JSON.stringify(health.marks.get(host))) touched.add(cell.endpoints(host));
    const mesh = new Mesh(this.kinds, this.defaults, this.settings, this.members, { ...this.index, health }, this.names);
    mesh.endpoints = this.endpoints;
    return { mesh, touched };
  }

  objects(kind: string): readonly MeshObject[] {
    return this.list(`objects ${kind}`, () =>
      [...this.members.values()].map(({ object }) => object).filter((object) => object.kind === kind),
    ).toSorted(compareAge);
  }

  object(key: string): MeshObject | undefined {
    return this.members.get(key)?.object;
  }

  /** What an object adds. */
  contributed(key: string): Contribution | undefined {
    return this.members.get(key)?.contribution;
  }

  allObjects(): readonly MeshObject[] {
    return this.list("objects", () => [...this.members.values()].map(({ object }) => object));
  }

  /** Keys of labels of clients that some object selects or matches by; the same set as long as its members are the same. */
  labelKeys(): ReadonlySet<string> {
    return this.index.labelKeys.keys;
  }

  services(): readonly Service[] {
    return this.list("services", () => [...this.index.services.values()].flat());
  }

  servicesOf(host: HostName): readonly Service[] {
    return this.index.services.get(host) ?? [];
  }

  endpointsOf(service: Service): readonly Endpoint[] {
    let endpoints = this.endpoints.get(service);
    if (endpoints === undefined) this.endpoints.set(service, (endpoints = endpointsOf(service, this.index, this.settings.rootNamespace)));
    return endpoints;
  }

  workloads(): readonly Workload[] {
    return this.list("workloads", () => [...this.index.workloads.values()].flat());
  }

  routings(): readonly Routing[] {
    return this.list("routings", () => [...this.index.routingObjects.values()].toSorted(byObject));
  }

  trafficRules(): readonly TrafficRules[] {
    return this.list("trafficRules", () => [...this.index.trafficRules.values()].flat().toSorted(byObject));
  }

  gateways(): readonly Gateway[] {
    return this.index.gateways;
  }

  sidecars(): readonly SidecarScope[] {
    return this.index.sidecars;
  }

  secret(namespace: string, name: string): Secret | undefined {
    return this.index.secrets.get(`${namespace}/${name}`)?.[0];
  }

  plugins(): readonly Plugin[] {
    return this.index.plugins;
  }

  module(key: string): ModuleState | undefined {
    return this.index.modules.get(key);
  }

  /** What objects say of a proxy, beside what it says itself: the labels of its workload, and the annotation `proxy.istio.io/config` of its pod. */
  saidOf(proxy: Pick<Proxy, "namespace" | "addresses" | "name">): Partial<Pick<Workload, "labels" | "proxyConfig">> {
    const addresses = proxy.addresses.map((address) => address.toLowerCase());
    const workload = workloadOf(this.index, { ...proxy, addresses });
    // Many share the loopback interface, of whom only the name tells which is meant.
    const isMeant =
      workload !== undefined && (workload.name === proxy.name || !workload.addresses.some((each) => /^(127\.|::1$)/.test(each)));
    const labels = isMeant ? workload.labels : undefined;
    const proxyConfig = addresses
      .flatMap((address) => this.index.addresses.get(address) ?? [])
      .find((each) => each.namespace === proxy.namespace && each.proxyConfig !== undefined)?.proxyConfig;
    return { ...(labels === undefined ? {} : { labels }), ...(proxyConfig === undefined ? {} : { proxyConfig }) };
  }

  proxySettings(): readonly ProxySettingsOverride[] {
    return this.index.proxySettings;
  }

  peerAuthentications(): readonly PeerAuthentication[] {
    return this.list("peerAuthentications", () => [...this.index.peerAuthentications.values()].flat().toSorted(byObject));
  }

  policies<Kind extends PolicyKind>(kind: Kind): readonly Policies[Kind][] {
    return this.list(`policies ${kind}`, () => {
      const found = [...this.index.policies.values()].flat().filter(({ object }) => object.kind === kind);
      return found.toSorted(byObject) as readonly unknown[] as readonly Policies[Kind][];
    });
  }

  /** Those of one namespace, oldest first. */
  policiesOf<Kind extends PolicyKind>(kind: Kind, namespace: string): readonly Policies[Kind][] {
    return (this.index.policies.get(policyKey(kind, namespace)) ?? []) as readonly unknown[] as readonly Policies[Kind][];
  }

  issuerKeys(issuer: string): IssuerKeys | undefined {
    return this.index.issuers.get(issuer);
  }

  peers(): readonly Peer[] {
    return this.list("peers", () => {
      const reached = [...this.index.peers.values()].flat().filter((peer) => this.isReached(peer));
      const distinct = new Map(reached.map((peer) => [peer.id, peer]));
      return Array.from(distinct.values(), (peer) => {
        const workload = peer.addresses
          .flatMap((address) => this.index.addresses.get(address) ?? [])
          .find(({ namespace }) => namespace === peer.namespace);
        return workload === undefined ? peer : { ...peer, labels: { ...peer.labels, ...workload.labels } };
      });
    });
  }

  /** Whether connections of others end at a proxy. */
  isReached(peer: Peer): boolean {
    if (peer.redirected) return true;
    return (sidecarAmong(this.sidecars(), this.settings.rootNamespace, peer)?.ingress ?? []).some(({ tls }) => tls === undefined);
  }

  /** Whether a service has an endpoint at one of these (`namespace address`). */
  hasEndpointAt(keys: readonly string[]): boolean {
    return hostsAt(this.index, keys).size > 0;
  }

  /** Hosts before whose endpoints other proxies stand in `next`, because another Sidecar says where those listen. */
  private hostsListenedFor(next: Mesh): readonly HostName[] {
    const listening = [...this.index.peers.values()].flat().filter(({ redirected }) => !redirected);
    return [...hostsAt(next.index, new Set(listening.flatMap(keysOf)))].filter((host) => this.peerKey(host) !== next.peerKey(host));
  }

  /** What tells whether the identities behind a host are others. */
  private identityKey(host: HostName): string {
    return JSON.stringify(this.servicesOf(host).map((service) => identitiesOf(service, this.endpointsOf(service), this.settings)));
  }

  /** What tells whether connected proxies made something else of a host's endpoints. */
  private peerKey(host: HostName): string {
    const endpoints = this.servicesOf(host).flatMap((service) => this.endpointsOf(service));
    const hasPolicies = this.index.peerAuthentications.size > 0;
    return JSON.stringify(
      endpoints.map((each) => [
        each.tlsMode === "istio",
        each.health,
        hasPolicies ? labelsOf(each, this.index, this.settings.rootNamespace) : undefined,
      ]),
    );
  }

  private contribution(object: MeshObject, settings: MeshSettings): Contribution {
    return this.kinds.get(object.kind)?.contribute(object, settings) ?? {};
  }

  private settingsOf(members: ReadonlyMap<string, Member>): MeshSettings {
    const found = [...members.values()].filter(({ contribution }) => contribution.settings !== undefined);
    return found.toSorted(byObject)[0]?.contribution.settings ?? this.defaults;
  }

  private contributeAgain(settings: MeshSettings, members: Map<string, Member>, gone: Member[], come: Member[]): void {
    for (const [key, member] of members) {
      if (member.contribution.settings !== undefined) continue;
      const again = { object: member.object, contribution: this.contribution(member.object, settings) };
      members.set(key, again);
      const index = come.indexOf(member);
      if (index >= 0) come[index] = again;
      else {
        gone.push(member);
        come.push(again);
      }
    }
  }

  private list<T>(name: string, make: () => readonly T[]): readonly T[] {
    let list = this.lists.get(name) as readonly T[] | undefined;
    if (list === undefined) this.lists.set(name, (list = make()));
    return list;
  }
}

const contributionOf = ({ contribution }: Member): Contribution => contribution;

function byObject(a: { readonly object: MeshObject }, b: { readonly object: MeshObject }): number {
  return compareAge(a.object, b.object);
}
