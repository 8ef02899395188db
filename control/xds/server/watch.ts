import { XdsError } from "./error.ts";
import { type Held, Leaving } from "./leaving.ts";
import type { ErrorDetail } from "./request.ts";
import { resourceFor, type Change, type Resource, type ResourceView } from "./resource.ts";
import type { Contents } from "./response.ts";
import type { ResourceTypeRules } from "./rules.ts";

/** A response that was sent and has no answer yet. */
export interface Sent {
  readonly nonce: string;
  readonly contents: Contents;
  readonly at: number;
  /** When the earliest change in it happened; `undefined` where it answers a request. */
  readonly changedAt: number | undefined;
}

/** A resource that a client refused, and has not accepted since. */
export interface Refusal {
  readonly name: string;
  /** That was refused. Empty where its removal was. */
  readonly version: string;
  readonly reason: string;
  readonly since: number;
}

/**
 * What one stream wants of one type, and what it lacks. A stream that lacks nothing keeps no list of what it has: that is what its group's snapshot
 * says. So a change costs what it changes, and a thousand streams do not hold a thousand lists.
 *
 * ```
 *   push        -> changed: name -> what the client has   -> sent where it differs from the snapshot at that time
 *   subscribe   -> asked: name, askedList: many names     -> sent, whatever the client has
 *   wildcard    -> whole: versions that the client named  -> the whole list but for those
 *   NACK of n   -> retries: smaller parts of it           -> each sent alone, so that one bad resource holds back no other
 * ```
 */
export class Watch {
  readonly rules: ResourceTypeRules;
  wildcard = false;
  /** Whether a name was ever subscribed to; from then on an empty list is no wildcard. */
  named = false;
  /** State of the world: of the last request's names. */
  namesDigest: string | undefined;
  /** Explicit names as other streams may have them too: a list of many streams, never changed. */
  private list: ReadonlySet<string> = NOTHING;
  /** In its place where this stream has gone ways of its own. */
  private own: Set<string> | undefined;

  readonly changed = new Map<string, Held | undefined>();
  /** When the earliest of `changed` happened. */
  changedAt: number | undefined;
  readonly asked = new Set<string>();
  /** Names that were asked for by a list that other streams may have too. */
  askedList: ReadonlySet<string> | undefined;
  whole: ReadonlyMap<string, string> | undefined;
  readonly leaving = new Leaving();
  readonly retries: (readonly string[])[] = [];

  readonly unanswered: Sent[] = [];
  readonly refused = new Map<string, Refusal>();
  lastSent: Sent | undefined;
  lastAccepted: { readonly version: string; readonly nonce: string; readonly at: number } | undefined;
  /** An addition that other types wait for. */
  warming: { readonly nonce: string; readonly until: number } | undefined;

  constructor(rules: ResourceTypeRules) {
    this.rules = rules;
  }

  /** Explicit names. */
  get names(): ReadonlySet<string> {
    return this.own ?? this.list;
  }

  wants(name: string): boolean {
    return this.wildcard || this.names.has(name);
  }

  /** What a subscription that contains `name` gets for it. */
  find(view: ResourceView, name: string): Resource | undefined {
    if (this.names.has(name)) return resourceFor(view, name, true);
    return this.wildcard ? view.get(name) : undefined;
  }

  get idle(): boolean {
    const { changed, asked, askedList, whole, retries } = this;
    return changed.size === 0 && asked.size === 0 && askedList === undefined && whole === undefined && retries.length === 0;
  }

  /** Notes what a push changed. Returns whether it concerns this watch. */
  note(change: Change, old: ResourceView, next: ResourceView, at: number): boolean {
    const before = this.changed.size;
    for (const name of change.names ?? this.everything(old, next)) {
      if (!this.wants(name) || this.changed.has(name)) continue;
      const returns = this.find(next, name) !== undefined;
      const held = (returns ? this.leaving.take(name) : undefined) ?? this.find(old, name);
      // A push that names one too many costs nothing.
      if (held?.version !== this.find(next, name)?.version) this.changed.set(name, held);
    }
    if (this.changed.size > before) this.changedAt ??= at;
    // What differed before and differs no more is found out when it is to be sent.
    return this.changed.size > 0;
  }

  private everything(old: ResourceView, next: ResourceView): ReadonlySet<string> {
    return this.wildcard ? new Set([...old.names(), ...next.names(), ...this.names]) : this.names;
  }

  /** Whether the client keeps for a while what it has of a name that is gone. */
  stays(name: string, held: Held, now: number): boolean {
    return this.leaving.add(name, held, this.rules.lingers?.(name) ?? 0, now);
  }

  /** Adds an explicit name, within the limit. */
  subscribe(name: string, limit: number): void {
    this.named = true;
    this.own ??= new Set(this.list);
    this.own.add(name);
    this.limit(limit);
  }

  /** Puts a list that is never changed in the place of the explicit names, within the limit. */
  adopt(list: ReadonlySet<string>, limit: number): void {
    this.named = true;
    this.list = list;
    this.own = undefined;
    this.limit(limit);
  }

  /** Takes an explicit name away. Returns whether it was there. */
  unsubscribe(name: string): boolean {
    if (!this.names.has(name)) return false;
    this.own ??= new Set(this.list);
    return this.own.delete(name);
  }

  /** Makes single names of the list that was asked for. */
  unfoldAsked(): void {
    for (const name of this.askedList ?? []) this.asked.add(name);
    this.askedList = undefined;
  }

  private limit(limit: number): void {
    if (this.names.size <= limit) return;
    throw new XdsError("RESOURCE_EXHAUSTED", `more than ${limit} subscriptions to ${this.rules.typeUrl} in one stream`);
  }

  /** Drops what was noted for names that are subscribed to no more. */
  forgetUnwanted(): void {
    for (const name of this.changed.keys()) if (!this.wants(name)) this.changed.delete(name);
    for (const name of this.refused.keys()) if (!this.wants(name)) this.refused.delete(name);
    if (this.changed.size === 0) this.changedAt = undefined;
  }

  /** Finds the response that a nonce answers, and takes it from the list. */
  answered(nonce: string): Sent | undefined {
    const i = this.unanswered.findIndex((sent) => sent.nonce === nonce);
    const sent = this.unanswered[i];
    if (sent !== undefined) this.unanswered.splice(i, 1);
    if (this.warming?.nonce === nonce) this.warming = undefined;
    return sent;
  }

  accept(sent: Sent, at: number): void {
    this.lastAccepted = { version: sent.contents.version, nonce: sent.nonce, at };
    if (this.refused.size === 0) return;
    for (const { name } of sent.contents.resources) this.refused.delete(name);
    for (const name of sent.contents.removed) this.refused.delete(name);
  }

  /**
   * Has what was refused sent again, where the client looks at it anew ({@link ResourceTypeRules.reworded}): it may have refused it because of another, or of a file that was not there. Returns whether
   * there is any.
   */
  offerAgain(): boolean {
    if (this.rules.reworded === undefined || this.unanswered.length > 0) return false;
    for (const name of this.refused.keys()) this.asked.add(name);
    return this.refused.size > 0;
  }

  /** Keeps a NACK. Returns the names of those that are to blame. */
  refuse(sent: Sent, error: ErrorDetail, at: number): readonly string[] {
    const { resources, removed } = sent.contents;
    const versions = new Map([
      ...resources.map(({ name, version }): [string, string] => [name, version]),
      ...removed.map((name): [string, string] => [name, ""]),
    ]);
    const names = [...versions.keys()];
    const blamed = names.length === 1 ? names : names.filter((name) => mentions(error.message, name));
    for (const name of blamed.length > 0 ? blamed : names) {
      if (!this.wants(name)) continue;
      const version = versions.get(name) ?? "";
      const known = this.refused.get(name);
      const since = known?.version === version ? known.since : at;
      this.refused.set(name, { name, version, reason: error.message, since });
    }
    return blamed;
  }
}

/** Whether a message speaks of `name`, and not only of a longer name that contains it. */
function mentions(message: string, name: string): boolean {
  for (let at = message.indexOf(name); at >= 0; at = message.indexOf(name, at + 1)) {
    if (!NAME_BYTE.test(message.charAt(at - 1)) && !/^(?:[\w|~/-]|\.\w)/.test(message.slice(at + name.length, at + name.length + 2)))
      return true;
  }
  return false;
}

const NOTHING: ReadonlySet<string> = new Set();
const NAME_BYTE = /[\w.|~/-]/;
