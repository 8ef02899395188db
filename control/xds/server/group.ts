import type { Change, Snapshot } from "./resource.ts";

/** A stream of a proxy of a group. */
interface Member {
  /** Whether it has everything, and the client has answered everything. */
  readonly settled: boolean;
  /** A push. */
  note(changes: readonly Change[], old: Snapshot, next: Snapshot, at: number): void;
  /** From now on it gets what another group gets. */
  move(group: ProxyGroup, at: number): void;
}

/**
 * Proxies that get the same snapshot. Its owner is the composition root: it makes one for every configuration that differs, pushes to it when that
 * changes, and forgets it when it has no streams.
 */
export class ProxyGroup {
  private current: Snapshot;
  private readonly streams = new Set<Member>();
  private readonly now: () => number;
  /** In whose place this one stands no more. */
  private successor: ProxyGroup | undefined;

  constructor(snapshot: Snapshot, now: () => number) {
    this.current = snapshot;
    this.now = now;
  }

  get snapshot(): Snapshot {
    return this.current;
  }

  /** Streams at this time. */
  get size(): number {
    return this.streams.size;
  }

  /** Whether all of them have everything and have answered everything. */
  get settled(): boolean {
    return Array.from(this.streams).every(({ settled }) => settled);
  }

  /**
   * From now on `snapshot` is what this group gets. Costs what `changes` name, for each stream.
   *
   * @param changes in what it differs from the one before
   * @param changedAt when that happened, by the server's clock; convergence is measured from there. Default: now
   */
  push(snapshot: Snapshot, changes: readonly Change[], changedAt: number = this.now()): void {
    const old = this.current;
    this.current = snapshot;
    for (const stream of this.streams) stream.note(changes, old, snapshot, changedAt);
  }

  /**
   * From now on `group` is what its streams get, and what those get that were let into this one and have not joined it yet: between the two other streams are let in.
   *
   * @param at when that happened, by the server's clock. Default: now
   */
  replace(group: ProxyGroup, at: number = this.now()): void {
    this.successor = group;
    for (const stream of [...this.streams]) stream.move(group, at);
  }

  /** The group that stands in its place now; itself where none does. */
  get latest(): ProxyGroup {
    return this.successor?.latest ?? this;
  }

  /** Called by the streams. */
  join(stream: Member): void {
    this.streams.add(stream);
  }

  /** Called by the streams. */
  leave(stream: Member): void {
    this.streams.delete(stream);
  }
}
