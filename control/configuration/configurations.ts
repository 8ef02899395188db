import { typeUrl } from "../envoy-api/index.ts";
import {
  type Cell,
  type Mesh,
  type MeshChange,
  MeshProxyView,
  type OwnFact,
  type OwnFactName,
  type PeerChange,
  Reads,
} from "../mesh/index.ts";
import type { Client, IssuerKeys, MeshHealthState, ModuleState, Proxy } from "../model/index.ts";
import type { Change, Snapshot } from "../xds/server/index.ts";
import type { XdsType } from "../xds/types/xds-type.ts";
import { clientOf } from "./groups.ts";
import { Encoder, type Gate, ResourceSet, type Translation, type TranslationFailure } from "./resource-set.ts";
import { EMPTY, type Find, Snapshots } from "./snapshots.ts";

/** What has changed for one proxy. */
export interface ProxyChange {
  readonly proxy: Proxy;
  readonly snapshot: Snapshot;
  readonly changes: readonly Change[];
}

export interface Outcome {
  readonly changed: readonly ProxyChange[];
  readonly failures: readonly TranslationFailure[];
}

interface Group {
  readonly client: Client;
  readonly shared: ResourceSet;
  readonly snapshots: Snapshots;
  readonly members: Set<Member>;
}

interface Member {
  readonly proxy: Proxy;
  own: ResourceSet;
  group: Group;
  snapshot: Snapshot;
}

/**
 * The configuration of every proxy that is connected. Proxies that have in common what resources are made from share the resources; a change of the mesh makes
 * again what it touches, and nothing else.
 */
export class Configurations {
  private readonly types: readonly XdsType[];
  private readonly encoder = new Encoder();
  private readonly gate: Gate | undefined;
  private readonly groups = new Map<string, Group>();
  private readonly members = new Map<string, Member>();
  private current: Mesh;
  private relevant: ReadonlySet<string>;
  private said: object;
  private version = 0;

  /** @param gate decides what may be sent. Default: everything */
  constructor(types: readonly XdsType[], mesh: Mesh, gate?: Gate) {
    this.types = types;
    this.gate = gate;
    this.current = mesh;
    this.relevant = mesh.labelKeys();
    this.said = mesh.index.said;
  }

  get mesh(): Mesh {
    return this.current;
  }

  /** What a proxy gets. It is kept up to date until `remove`. */
  add(proxy: Proxy): { readonly snapshot: Snapshot; readonly failures: readonly TranslationFailure[] } {
    this.remove(proxy.id);
    const failures: TranslationFailure[] = [];
    const member = this.join(proxy, failures);
    return { snapshot: member.snapshot, failures };
  }

  remove(id: string): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.members.delete(id);
    this.leave(member);
  }

  snapshotOf(id: string): Snapshot | undefined {
    return this.members.get(id)?.snapshot;
  }

  /** Changes the mesh, and says for which proxies what is another now. */
  apply(change: MeshChange): Outcome {
    const { mesh, touched } = this.current.apply(change);
    return this.become(mesh, touched);
  }

  /** What a change would make another, and for which proxies, without making it. Costs as much as the change and its reverse. */
  suppose(change: MeshChange): Outcome {
    const before = this.current;
    const { mesh, touched } = before.apply(change);
    const supposed = this.become(mesh, touched);
    const { failures } = this.become(before, touched);
    return { changed: supposed.changed, failures: [...supposed.failures, ...failures] };
  }

  /** Takes what proxies told of themselves, and says for which others what is another now. */
  applyPeers(change: PeerChange): Outcome {
    const { mesh, touched } = this.current.applyPeers(change);
    if (touched.size > 0) return this.become(mesh, touched);
    this.current = mesh;
    return { changed: [], failures: [] };
  }

  /** Takes what issuers of tokens said of their keys, and says for which proxies what is another now. */
  applyIssuers(said: ReadonlyMap<string, IssuerKeys>): Outcome {
    const { mesh, touched } = this.current.applyIssuers(said);
    if (touched.size > 0) return this.become(mesh, touched);
    this.current = mesh;
    return { changed: [], failures: [] };
  }

  /** Takes what the gate has found out since, and says for which proxies what is another now. */
  settle(): Outcome {
    return this.become(this.current, NOTHING_TOUCHED);
  }

  /** Whether it is not known yet of something that a proxy would get whether it may be sent. */
  isPending(id: string): boolean {
    const member = this.members.get(id);
    return member !== undefined && (member.own.isPending || member.group.shared.isPending);
  }

  /** Takes modules that came, or could not be had, and says for which proxies what is another now. */
  applyModules(modules: ReadonlyMap<string, ModuleState>): Outcome {
    const { mesh, touched } = this.current.applyModules(modules);
    return this.become(mesh, touched);
  }

  /** Takes what was found out about hosts, and says for which proxies what is another now. */
  applyHealth(health: MeshHealthState): Outcome {
    const { mesh, touched } = this.current.applyHealth(health);
    if (touched.size > 0) return this.become(mesh, touched);
    this.current = mesh;
    return { changed: [], failures: [] };
  }

  /** Takes what the workloads of the mesh trust from now on, and says for which proxies what is another now. */
  applyRoots(roots: readonly string[]): Outcome {
    const { mesh, touched } = this.current.applyRoots(roots);
    return touched.size > 0 ? this.become(mesh, touched) : { changed: [], failures: [] };
  }

  private become(mesh: Mesh, touched: ReadonlySet<Cell>): Outcome {
    this.current = mesh;
    this.version += 1;
    const failures: TranslationFailure[] = [];
    const changed: ProxyChange[] = [];
    const regrouped = mesh.labelKeys() !== this.relevant;
    const reconfigured = mesh.index.said !== this.said;
    this.relevant = mesh.labelKeys();
    this.said = mesh.index.said;
    const moved = regrouped || reconfigured ? this.regroup(regrouped, failures) : NOBODY;
    for (const group of this.groups.values()) {
      const [first] = group.members;
      if (first === undefined) continue;
      const shared = group.shared.refresh(this.translation(first.proxy, group.client, first), regrouped ? undefined : touched, failures);
      for (const member of group.members) this.update(member, shared, moved.has(member) ? undefined : touched, failures, changed);
    }
    return { changed, failures };
  }

  private update(
    member: Member,
    shared: readonly Change[],
    touched: ReadonlySet<Cell> | undefined,
    failures: TranslationFailure[],
    changed: ProxyChange[],
  ): void {
    const own = member.own.refresh(this.translation(member.proxy, member.group.client, member), touched, failures);
    // After a regrouping what the proxy had came from another set: everything has to be compared.
    const changes =
      touched === undefined
        ? this.types.map(({ schema }) => ({ typeUrl: typeUrl(schema) }))
        : own.length === 0
          ? shared
          : [...shared, ...own];
    if (changes.length === 0) return;
    member.snapshot = this.snapshot(member);
    changed.push({ proxy: member.proxy, snapshot: member.snapshot, changes });
  }

  private join(proxy: Proxy, failures: TranslationFailure[]): Member {
    const client = clientOf(proxy, this.current);
    const key = JSON.stringify(client);
    let group = this.groups.get(key);
    if (group === undefined) {
      group = this.group(client);
      this.groups.set(key, group);
      group.shared.refresh(this.translation(proxy, client), undefined, failures);
    }
    const own = new ResourceSet(this.types, this.encoder, this.gate, group.shared);
    own.refresh(this.translation(proxy, client), undefined, failures);
    const member: Member = { proxy, own, group, snapshot: EMPTY };
    group.members.add(member);
    this.members.set(proxy.id, member);
    member.snapshot = this.snapshot(member);
    return member;
  }

  private leave(member: Member): void {
    member.group.members.delete(member);
    if (member.group.members.size === 0) this.groups.delete(JSON.stringify(member.group.client));
  }

  /**
   * Puts every proxy where it belongs.
   *
   * @param all whether all begin anew, as what tells them apart is another. Else those alone that belong elsewhere
   * @returns who does
   */
  private regroup(all: boolean, failures: TranslationFailure[]): ReadonlySet<Member> {
    const moved = new Set<Member>();
    for (const member of this.members.values()) {
      const client = clientOf(member.proxy, this.current);
      const key = JSON.stringify(client);
      if (!all && key === JSON.stringify(member.group.client)) continue;
      this.leave(member);
      let group = this.groups.get(key);
      if (group === undefined) {
        this.groups.set(key, (group = this.group(client)));
        if (!all) group.shared.refresh(this.translation(member.proxy, client), undefined, failures);
      }
      group.members.add(member);
      member.group = group;
      member.own = new ResourceSet(this.types, this.encoder, this.gate, group.shared);
      moved.add(member);
    }
    return moved;
  }

  private translation(proxy: Proxy, client: Client, member?: Member): Translation {
    const view = (reads: Reads) => new MeshProxyView(this.current, proxy, client, reads);
    const facts = new Map<OwnFactName, OwnFact>();
    return {
      units: (type) => {
        const reads = new Reads();
        return { units: [...type.units(view(reads))], reads };
      },
      translate: (type, unit) => {
        const reads = new Reads();
        return { resources: type.translate(view(reads), unit), reads };
      },
      own(name) {
        let fact = facts.get(name);
        if (fact === undefined) facts.set(name, (fact = view(new Reads()).ownFact(name)));
        return fact;
      },
      held(type, name) {
        const has = member?.snapshot.resources(typeUrl(type.schema));
        return has?.get(name) ?? has?.onDemand?.(name);
      },
    };
  }

  private absent(type: XdsType): Find | undefined {
    if (type.absent === undefined) return undefined;
    return (name) => {
      const message = type.absent?.(name);
      return message === undefined ? undefined : this.encoder.encode(type, { name, message });
    };
  }

  private snapshot({ own, group: { shared, snapshots } }: Member): Snapshot {
    return snapshots.of(
      String(this.version),
      (type) => own.resources(type),
      (type) => shared.resources(type),
      (type) => [...own.pending(type), ...shared.pending(type)],
    );
  }

  private group(client: Client): Group {
    const shared = new ResourceSet(this.types, this.encoder, this.gate);
    const snapshots = new Snapshots(this.types, (type) => (client.onDemand ? this.absent(type) : undefined));
    return { client, shared, snapshots, members: new Set() };
  }
}

const NOBODY: ReadonlySet<Member> = new Set();
const NOTHING_TOUCHED: ReadonlySet<Cell> = new Set();
