import type { HostId } from "../model/index.ts";
import type { Caller } from "./callers.ts";
import type { Sight } from "./quorum.ts";
import { type Outcomes, Tally } from "./tally.ts";

/** By what a caller saw something: its ejection filter's reports, or Envoy's load reports (LRS). */
export type SightSource = "filter" | "loads";

type Tallies = Readonly<Record<SightSource, Tally>>;

/** Of one port of a service. */
export interface GroupId {
  readonly service: string;
  readonly port: number;
}

/** What callers saw within the window, in bounded memory: what has no room any more is not observed. */
export class Observations {
  private readonly window: number;
  private readonly most: number;
  private readonly groups = new Map<string, { readonly id: GroupId; readonly hosts: Map<string, Map<Caller, Tallies>> }>();
  private count = 0;

  /** @param most pairs of callers and hosts that there is room for */
  constructor(window: number, most: number) {
    this.window = window;
    this.most = most;
  }

  /** Pairs of callers and hosts. */
  get size(): number {
    return this.count;
  }

  add({ service, port, address }: HostId, caller: Caller, source: SightSource, outcomes: Outcomes, now: number): void {
    const key = groupKey({ service, port });
    let group = this.groups.get(key);
    if (group === undefined) this.groups.set(key, (group = { id: { service, port }, hosts: new Map() }));
    let callers = group.hosts.get(address);
    if (callers === undefined) group.hosts.set(address, (callers = new Map<Caller, Tallies>()));
    let tallies = callers.get(caller);
    if (tallies === undefined) {
      if (this.count >= this.most) return;
      this.count += 1;
      callers.set(caller, (tallies = { filter: new Tally(this.window), loads: new Tally(this.window) }));
    }
    tallies[source].add(outcomes, now);
  }

  /** Groups of which something was seen. */
  *ids(): Iterable<GroupId> {
    for (const { id } of this.groups.values()) yield id;
  }

  /** Addresses of a group of which something was seen. */
  addresses(group: GroupId): Iterable<string> {
    return this.groups.get(groupKey(group))?.hosts.keys() ?? [];
  }

  *sights({ service, port, address }: HostId, now: number): Iterable<Sight> {
    for (const [caller, tallies] of this.groups.get(groupKey({ service, port }))?.hosts.get(address) ?? []) {
      if (!caller.gone) yield { caller: caller.id, filter: tallies.filter.total(now), loads: tallies.loads.total(now) };
    }
  }

  /** What was seen of a host so far says nothing of it any more. */
  forget({ service, port, address }: HostId): void {
    const hosts = this.groups.get(groupKey({ service, port }))?.hosts;
    this.count -= hosts?.get(address)?.size ?? 0;
    hosts?.delete(address);
  }

  forgetGroup(group: GroupId): void {
    for (const callers of this.groups.get(groupKey(group))?.hosts.values() ?? []) this.count -= callers.size;
    this.groups.delete(groupKey(group));
  }

  /** Makes room: what is older than the window goes, and what callers saw that left. */
  prune(now: number): void {
    for (const [key, { hosts }] of this.groups) {
      for (const [address, callers] of hosts) {
        for (const [caller, { filter, loads }] of callers) {
          if (!caller.gone && (hasSome(filter.total(now)) || hasSome(loads.total(now)))) continue;
          callers.delete(caller);
          this.count -= 1;
        }
        if (callers.size === 0) hosts.delete(address);
      }
      if (hosts.size === 0) this.groups.delete(key);
    }
  }
}

export function groupKey({ service, port }: GroupId): string {
  return `${port} ${service}`;
}

function hasSome({ good, failed, ejections }: Outcomes): boolean {
  return good + failed + ejections > 0;
}
