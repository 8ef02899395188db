import type { HealthLimits, HostGroup, HostId, HostMark, HostName } from "../model/index.ts";
import { Caller } from "./callers.ts";
import { type Decision, told, type ToldEvidence } from "./decision.ts";
import { groupOf } from "./group-of.ts";
import { mayBeOut } from "./limits.ts";
import { aged, comeBack, type Mark, markOut, shareOf } from "./mark.ts";
import { type GroupId, groupKey, Observations } from "./observations.ts";
import { type Evidence, evidenceOf, isQuorum } from "./quorum.ts";
import type { HealthReport } from "./report.ts";
import { type CompleteSettings, completeSettings, type MeshHealthSettings } from "./settings.ts";

/** Pairs of callers and hosts that there is memory for, some 200 bytes each. */
const MOST_OBSERVATIONS = 200_000;
/** Hosts for which a caller is remembered. */
const MOST_OF_CALLER = 4_096;
/** Decisions that are told of. */
const TOLD = 200;

export interface MeshHealthOptions extends MeshHealthSettings {
  /** What the mesh knows now of a port of a service; undefined where there is none. */
  readonly group: (service: HostName, port: number) => HostGroup | undefined;
  /** Milliseconds since 1970, of a clock that does not jump. */
  readonly now: () => number;
  /** Marks of an earlier process. Default: none. */
  readonly marks?: readonly Mark[];
}

/** What became of a report: `early` and `late` ones change nothing. */
export type Receipt = "taken" | "early" | "late";

/** What an Envoy counted of one host since it last told. */
export interface Loads {
  readonly cluster: string;
  readonly address: string;
  readonly good: number;
  /** Answers of 5xx, and requests without an answer. */
  readonly failed: number;
}

/** How a host is by what callers said. */
export interface HostHealth extends HostId {
  readonly state: Mark["state"] | "watched";
  readonly share: number;
  readonly since?: number;
  readonly until?: number;
  readonly times: number;
  /** Why it is, or was last, out. */
  readonly reason?: string;
  readonly evidence: ToldEvidence;
}

/**
 * Finds hosts that most of their callers find bad, and takes them out for all, within limits and for a time. It knows neither sockets nor clocks, and believes nobody: a caller has one word, however loud.
 */
export class MeshHealth {
  readonly settings: CompleteSettings;
  private readonly options: MeshHealthOptions;
  private readonly observations: Observations;
  private readonly callers = new Map<string, Caller>();
  private readonly current = new Map<string, Mark>();
  /** Why hosts that would be out are not, so that it is told once. */
  private readonly held = new Map<string, string>();
  private readonly decided: Decision[] = [];
  private readonly startedAt: number;
  private prunedAt: number;

  constructor(options: MeshHealthOptions) {
    this.options = options;
    this.settings = completeSettings(options);
    this.observations = new Observations(this.settings.window, MOST_OBSERVATIONS);
    this.prunedAt = this.startedAt = options.now();
    for (const mark of options.marks ?? []) this.current.set(hostKey(mark), mark);
  }

  /** Takes the report of a proxy that has shown that it is the one with this id. */
  report(id: string, report: HealthReport): Receipt {
    const now = this.options.now();
    const caller = this.caller(id);
    const receipt = caller.accepts(report, now, this.settings);
    if (receipt !== "taken") return receipt;
    const known = this.knownHosts();
    const hosts = report.hosts.filter(({ cluster, address }) => known(cluster, address) !== undefined);
    for (const [{ cluster, address }, outcomes] of caller.take({ ...report, hosts }, now, MOST_OF_CALLER - caller.size)) {
      const host = known(cluster, address);
      if (host !== undefined) this.observations.add(host, caller, "filter", outcomes, now);
    }
    return receipt;
  }

  /** Takes what a proxy's Envoy counted since its last load report. */
  loads(id: string, loads: Iterable<Loads>): void {
    const now = this.options.now();
    const known = this.knownHosts();
    for (const { cluster, address, good, failed } of loads) {
      const host = known(cluster, address);
      if (host === undefined || good + failed === 0) continue;
      this.observations.add(host, this.caller(id), "loads", { good, failed, ejections: 0 }, now);
    }
  }

  /** A proxy left: its word counts no more. */
  forget(id: string): void {
    const caller = this.callers.get(id);
    if (caller !== undefined) caller.gone = true;
    this.callers.delete(id);
  }

  /** Decides by what is known now. */
  evaluate(): readonly Decision[] {
    const now = this.options.now();
    const decisions: Decision[] = [];
    const groups = new Map<string, GroupId>();
    for (const id of [...this.observations.ids(), ...this.current.values()])
      groups.set(groupKey(id), { service: id.service, port: id.port });
    for (const id of groups.values()) this.evaluateGroup(id, now, decisions);
    if (now - this.prunedAt >= this.settings.window) this.prune(now);
    this.decided.push(...decisions);
    this.decided.splice(0, Math.max(0, this.decided.length - TOLD));
    return decisions;
  }

  /** Hosts that do not get what they should, by their service; those that have been so for longest first. */
  marks(): ReadonlyMap<HostName, readonly HostMark[]> {
    const now = this.options.now();
    const marks = [...this.current.values()]
      .filter(({ state }) => state !== "back")
      .map((mark) => ({ service: mark.service, port: mark.port, address: mark.address, share: shareOf(mark, now), since: mark.since }))
      .filter(({ share }) => share < 100)
      .toSorted((a, b) => a.since - b.since || compare(a.address, b.address) || a.port - b.port);
    return Map.groupBy(marks, ({ service }) => service);
  }

  /** All that an own restart should not make forgotten. */
  remembered(): readonly Mark[] {
    return [...this.current.values()];
  }

  /** The newest decisions, the last one first. */
  decisions(): readonly Decision[] {
    return this.decided.toReversed();
  }

  /** Every host that is marked, or that some caller finds bad. */
  hosts(): readonly HostHealth[] {
    const now = this.options.now();
    const hosts = new Map<string, HostId>(this.current);
    for (const group of this.observations.ids())
      for (const address of this.observations.addresses(group)) hosts.set(hostKey({ ...group, address }), { ...group, address });
    return [...hosts.values()]
      .map((host) => this.healthOf(host, now))
      .filter(({ state, evidence }) => state !== "watched" || evidence.bad > 0);
  }

  /** Hosts that are out or come back: those that are so for longest first. */
  out(): readonly HostHealth[] {
    const now = this.options.now();
    return [...this.current.values()]
      .filter((mark) => shareOf(mark, now) < 100)
      .toSorted((a, b) => a.since - b.since || compare(a.address, b.address) || a.port - b.port)
      .map((mark) => this.healthOf(mark, now));
  }

  /** What memory is taken by: callers, and what they saw. */
  get size(): { readonly callers: number; readonly observations: number } {
    return { callers: this.callers.size, observations: this.observations.size };
  }

  private healthOf({ service, port, address }: HostId, now: number): HostHealth {
    const { limits } = this.options.group(service, port) ?? {};
    const mark = this.current.get(hostKey({ service, port, address }));
    const evidence = limits === undefined ? undefined : this.evidence({ service, port, address }, limits, now);
    return {
      service,
      port,
      address,
      state: mark?.state ?? "watched",
      share: mark === undefined ? 100 : shareOf(mark, now),
      ...(mark === undefined ? {} : { since: mark.since, until: mark.until }),
      times: mark?.times ?? 0,
      ...(mark?.reason === undefined ? {} : { reason: mark.reason }),
      evidence: told(evidence ?? { bad: [], good: [], silent: 0 }),
    };
  }

  private prune(now: number): void {
    this.prunedAt = now;
    this.observations.prune(now);
    const known = this.knownHosts();
    for (const caller of this.callers.values()) caller.prune((cluster, address) => known(cluster, address) !== undefined);
  }

  private evaluateGroup(id: GroupId, now: number, decisions: Decision[]): void {
    const group = this.options.group(id.service, id.port);
    const marks = [...this.current.values()].filter((mark) => groupKey(mark) === groupKey(id));
    const { hosts = [], limits } = group ?? {};
    const known = new Set(hosts.map(({ address }) => address));
    for (const mark of marks) {
      if (limits !== undefined && known.has(mark.address)) this.age(mark, limits, now, decisions);
      else
        this.release(
          mark,
          limits === undefined ? "no DestinationRule asks for outlier detection any more" : "the mesh does not know the host any more",
          now,
          decisions,
        );
    }
    if (limits === undefined) return this.observations.forgetGroup(id);
    const isOut = (address: string) => this.current.get(hostKey({ ...id, address }))?.state === "out";
    const most = mayBeOut(hosts, limits);
    const out = hosts.filter(({ address, healthy }) => healthy && isOut(address)).map(({ address }) => address);
    this.shrink(id, out, most, limits, now, decisions);
    // Who has begun a moment ago has heard a part of the callers only.
    if (now - this.startedAt < this.settings.window) return;
    const suspects = hosts
      .filter(({ address, healthy }) => healthy && !isOut(address))
      .map(({ address }) => ({ address, evidence: this.evidence({ ...id, address }, limits, now) }))
      .filter(({ address, evidence }) => {
        const isBad = isQuorum(evidence, this.settings.callers);
        if (!isBad) this.held.delete(hostKey({ ...id, address }));
        return isBad;
      })
      .toSorted((a, b) => b.evidence.bad.length - a.evidence.bad.length || compare(a.address, b.address));
    let count = hosts.filter(({ address, healthy }) => healthy && isOut(address)).length;
    for (const { address, evidence } of suspects) {
      const host = { ...id, address };
      if (count < most) {
        count += 1;
        this.eject(host, evidence, limits, now, decisions);
      } else this.hold(host, evidence, { most, of: hosts.length, limits }, now, decisions);
    }
  }

  private age(mark: Mark, limits: HealthLimits, now: number, decisions: Decision[]): void {
    const next = aged(mark, limits, now);
    if (next === mark) return;
    if (next === undefined) this.current.delete(hostKey(mark));
    else this.current.set(hostKey(mark), next);
    if (next?.state === mark.state || next === undefined) return;
    // What made it bad was long ago; from here on it is looked at anew.
    if (next.state === "returning") this.observations.forget(mark);
    const decision = next.state === "returning" ? "returning" : "returned";
    const reason = decision === "returning" ? "its time is over: it gets a part of its requests" : "it gets its requests again";
    decisions.push({ ...idOf(mark), at: now, decision, reason, times: next.times });
  }

  /** Where fewer may be out than are, as when hosts went away, those come back that are out for longest. */
  private shrink(id: GroupId, out: readonly string[], most: number, limits: HealthLimits, now: number, decisions: Decision[]): void {
    const marks = out.flatMap((address) => this.current.get(hostKey({ ...id, address })) ?? []).toSorted((a, b) => a.since - b.since);
    for (const mark of marks.slice(0, Math.max(0, marks.length - most))) {
      this.current.set(hostKey(mark), comeBack(mark, limits, now));
      this.observations.forget(mark);
      decisions.push({
        ...idOf(mark),
        at: now,
        decision: "returning",
        reason: `no more than ${most} hosts may be out now`,
        times: mark.times,
      });
    }
  }

  private release(mark: Mark, reason: string, now: number, decisions: Decision[]): void {
    this.current.delete(hostKey(mark));
    if (mark.state !== "back") decisions.push({ ...idOf(mark), at: now, decision: "released", reason, times: mark.times });
  }

  private eject(host: HostId, evidence: Evidence, limits: HealthLimits, now: number, decisions: Decision[]): void {
    const key = hostKey(host);
    const reason = `${evidence.bad.length} of ${evidence.bad.length + evidence.good.length} callers find it bad`;
    const mark = markOut(host, this.current.get(key), limits, now, reason);
    this.current.set(key, mark);
    this.held.delete(key);
    decisions.push({ ...host, at: now, decision: "ejected", reason, times: mark.times, until: mark.until, evidence: told(evidence) });
  }

  private hold(
    host: HostId,
    evidence: Evidence,
    { most, of, limits }: { readonly most: number; readonly of: number; readonly limits: HealthLimits },
    now: number,
    decisions: Decision[],
  ): void {
    const key = hostKey(host);
    const { maxEjectionPercent, minHealthPercent } = limits;
    const reason = `no more than ${most} of ${of} hosts may be out (maxEjectionPercent ${maxEjectionPercent}, minHealthPercent ${minHealthPercent}, and one that is left)`;
    if (this.held.get(key) === reason) return;
    this.held.set(key, reason);
    decisions.push({ ...host, at: now, decision: "held", reason, times: this.current.get(key)?.times ?? 0, evidence: told(evidence) });
  }

  private evidence(host: HostId, { requests }: HealthLimits, now: number): Evidence {
    return evidenceOf(this.observations.sights(host, now), requests);
  }

  private caller(id: string): Caller {
    let caller = this.callers.get(id);
    if (caller === undefined) this.callers.set(id, (caller = new Caller(id)));
    return caller;
  }

  /** Hosts by cluster and address; those alone of which something may be decided. Looks up each group once. */
  private knownHosts(): (cluster: string, address: string) => HostId | undefined {
    const clusters = new Map<string, { readonly id: GroupId; readonly addresses: ReadonlySet<string> } | undefined>();
    return (cluster, address) => {
      if (!clusters.has(cluster)) clusters.set(cluster, this.watched(cluster));
      const found = clusters.get(cluster);
      return found?.addresses.has(address) === true ? { ...found.id, address } : undefined;
    };
  }

  private watched(cluster: string): { readonly id: GroupId; readonly addresses: ReadonlySet<string> } | undefined {
    const id = groupOf(cluster);
    const group = id === undefined ? undefined : this.options.group(id.service, id.port);
    if (id === undefined || group?.limits === undefined) return undefined;
    return { id, addresses: new Set(group.hosts.map(({ address }) => address)) };
  }
}

function hostKey({ service, port, address }: HostId): string {
  return `${address} ${port} ${service}`;
}

function idOf({ service, port, address }: HostId): HostId {
  return { service, port, address };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
