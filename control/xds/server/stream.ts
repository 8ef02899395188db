import type { BodyCache } from "./body-cache.ts";
import type { Call, ConnectRequest, ProxyConnection, Report } from "./call.ts";
import type { Clock } from "./clock.ts";
import { companionsOf } from "./companions.ts";
import { delta } from "./delta.ts";
import { XdsError } from "./error.ts";
import type { ProxyGroup } from "./group.ts";
import type { StreamLimits } from "./limits.ts";
import type { NameLists } from "./name-lists.ts";
import type { Observer } from "./observer.ts";
import type { Draft, Options, Protocol, Stage } from "./protocol.ts";
import type { Pump, Sender } from "./pump.ts";
import { readRequest, type Request, type Variant } from "./request.ts";
import type { Change, Resource, Snapshot } from "./resource.ts";
import { type Body, type Contents, nonceField } from "./response.ts";
import { quote, type ResourceTypeRules, type TypeTable } from "./rules.ts";
import { sotw } from "./sotw.ts";
import { statusOf, type StreamStatus } from "./status.ts";
import { partsOf } from "./retry.ts";
import { Watch, type Sent } from "./watch.ts";

/** What all streams of a server share. */
export interface StreamContext {
  readonly types: TypeTable;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly pump: Pump;
  readonly bodies: BodyCache;
  readonly lists: NameLists;
  readonly observer: Observer;
  connect(request: ConnectRequest): Promise<ProxyConnection> | ProxyConnection;
  report(report: Report): Promise<void> | undefined;
  closed(stream: XdsStream): void;
}

const PROTOCOLS: Readonly<Record<Variant, Protocol>> = { sotw, delta };
/** Bytes of a response that has room for one resource. */
const ONE = 1;
const NOTHING_OWED: ReadonlySet<string> = new Set();

/**
 * One client on one call.
 *
 * ```
 *   opened --first request, node--> connecting --onConnect--> serving --> closed
 *      \______________ garbage, refusal, limit, end of the call ________/
 * ```
 *
 * Nothing is sent where it is received: requests and pushes mark what is lacking (see {@link Watch}), and {@link flush}, called by the pump, sends the
 * latest of it in the order of the types.
 */
export class XdsStream implements Sender {
  readonly call: Call;
  readonly openedAt: number;
  private readonly context: StreamContext;
  private readonly protocol: Protocol;
  private readonly watches = new Map<string, Watch>();
  /** Those of `watches` in the order of pushes. */
  private ordered: readonly Watch[] = [];
  /** Companions that were sent before their type was asked for, by type. */
  private readonly owed = new Map<string, ReadonlySet<string>>();
  private connection: ProxyConnection | undefined;
  private node: Buffer | undefined;
  /** The client had something when it connected: it is no new one. */
  private returns = false;
  private isClosed = false;
  /** `onConnect` has not answered yet. */
  private isConnecting = false;
  private nonces = 0;
  private inFlight = 0;
  /** Of `inFlight`, what counts in the budget of all. */
  private counted = 0;
  /** When the transport last let go of something, or got its first. */
  private progressAt = 0;
  private cancelWarming: (() => void) | undefined;

  constructor(context: StreamContext, call: Call) {
    this.context = context;
    this.call = call;
    this.protocol = PROTOCOLS[call.variant];
    this.openedAt = context.clock.now();
  }

  get closed(): boolean {
    return this.isClosed;
  }

  /** Empty until the client is known. */
  get proxy(): string {
    return this.connection?.id ?? "";
  }

  get group(): ProxyGroup | undefined {
    return this.connection?.group;
  }

  /** Whether the client has everything and has answered everything. */
  get settled(): boolean {
    return this.ordered.every((watch) => watch.idle && watch.unanswered.length === 0);
  }

  /**
   * Takes a message of the client. Where it returns a promise, the transport reads no further until that resolves. Never throws or rejects: what is
   * wrong ends the stream.
   */
  receive(bytes: Buffer): Promise<void> | undefined {
    if (this.isClosed) return undefined;
    try {
      const request = readRequest(this.call.variant, bytes);
      const rules = this.context.types.get(this.typeOf(request));
      this.context.observer.received?.({ stream: this.call.number, proxy: this.proxy, typeUrl: rules.typeUrl, bytes: bytes.length });
      if (this.connection === undefined) return this.connect(request, rules);
      this.handle(request, rules);
    } catch (error) {
      this.end(XdsError.from(error));
    }
    return undefined;
  }

  /** Ends the stream from our side. */
  end(error: XdsError | undefined): void {
    if (this.isClosed) return;
    this.close(error);
    this.call.sink.end(error);
  }

  /** The call is over, whoever ended it. */
  close(error?: XdsError): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.cancelWarming?.();
    this.context.pump.forget(this);
    this.context.pump.ended(this.counted);
    this.counted = 0;
    this.connection?.group.leave(this);
    this.watches.clear();
    this.ordered = [];
    if (!this.isConnecting) this.tellEnd(this.proxy, error);
    this.context.closed(this);
  }

  /** A push: notes what concerns this stream. Called by its group. */
  note(changes: readonly Change[], old: Snapshot, next: Snapshot, at: number): void {
    let concerned = false;
    for (const change of changes) {
      const watch = this.watches.get(change.typeUrl);
      if (watch === undefined) continue;
      if (watch.note(change, old.resources(change.typeUrl), next.resources(change.typeUrl), at)) concerned = true;
    }
    if (concerned) this.context.pump.ready(this);
  }

  /** From now on the stream gets the configuration of another group. */
  move(group: ProxyGroup, at: number): void {
    const { connection } = this;
    if (connection === undefined || this.isClosed || connection.group === group) return;
    const old = connection.group.snapshot;
    connection.group.leave(this);
    this.connection = { ...connection, group };
    group.join(this);
    this.note(
      this.ordered.map((watch) => ({ typeUrl: watch.rules.typeUrl })),
      old,
      group.snapshot,
      at,
    );
  }

  flush(): void {
    const { connection } = this;
    if (connection === undefined || this.isClosed) return;
    try {
      this.sendAll(connection.group.snapshot);
    } catch (error) {
      // A snapshot that fails for one proxy fails for that proxy.
      this.end(XdsError.from(error));
    }
  }

  private sendAll(snapshot: Snapshot): void {
    let held = false;
    for (const watch of this.ordered) {
      const waits = this.waits(watch);
      held ||= waits && watch.changed.size > 0;
      if (!this.send(watch, snapshot, waits ? "answers" : "changes")) return;
    }
    if (held) return;
    for (const watch of this.ordered.toReversed()) if (!this.send(watch, snapshot, "removals")) return;
  }

  /** Looks after time: called every second or so. */
  check(now: number): void {
    const { limits, pump } = this.context;
    if (this.connection === undefined && now - this.openedAt >= limits.firstRequest) {
      this.end(new XdsError("DEADLINE_EXCEEDED", `no first request within ${limits.firstRequest} ms`));
    } else if (this.inFlight > 0 && now - this.progressAt >= limits.stall) {
      this.end(new XdsError("DEADLINE_EXCEEDED", `the client took nothing for ${limits.stall} ms; connect again to get what is new`));
    } else if (this.counted > 0 && now - this.progressAt >= 1000) {
      // A client that does not read must not hold back others.
      pump.ended(this.counted);
      this.counted = 0;
    }
    for (const watch of this.ordered) {
      const isOver = watch.leaving.isDue(now);
      if (isOver || (now - (watch.lastSent?.at ?? now) >= limits.offerAgain && watch.offerAgain())) pump.ready(this);
    }
    const refusal = this.connection?.refusal?.();
    if (refusal !== undefined) this.end(refusal);
  }

  status(): StreamStatus {
    const { number, variant, service, peer } = this.call;
    const types = this.context.types.all.filter(
      ({ typeUrl, reports }) => reports !== true && (service === undefined || typeUrl === service),
    );
    return {
      stream: number,
      proxy: this.proxy,
      node: this.node ?? new Uint8Array(),
      variant,
      service,
      peer,
      connectedAt: this.context.clock.dateOf(this.openedAt),
      identity: this.connection?.identity,
      version: this.connection?.group.snapshot.version ?? "",
      types: types.map(({ typeUrl }) => statusOf(typeUrl, this.watches.get(typeUrl), this.context.clock)),
    };
  }

  /** What the client is subscribed to of a type, and what it gets for each name. */
  *resources(typeUrl: string): Iterable<Resource> {
    const watch = this.watches.get(typeUrl);
    const view = this.connection?.group.snapshot.resources(typeUrl);
    if (watch === undefined || view === undefined) return;
    for (const name of new Set([...(watch.wildcard ? view.names() : []), ...watch.names])) {
      const resource = watch.find(view, name);
      if (resource !== undefined) yield resource;
    }
  }

  private typeOf({ typeUrl }: Request): string {
    const { service } = this.call;
    if (service === undefined) return typeUrl;
    if (typeUrl !== "" && typeUrl !== service) {
      throw new XdsError("INVALID_ARGUMENT", `this service serves ${service}; ask the aggregated one for ${quote(typeUrl)}`);
    }
    return service;
  }

  private async connect(request: Request, rules: ResourceTypeRules): Promise<void> {
    try {
      if (request.node === undefined)
        throw new XdsError("INVALID_ARGUMENT", "the first request of a stream has to say which node sends it");
      // It is part of a buffer that the transport uses for more.
      this.node = Buffer.from(request.node);
      const { peer, variant, credentials } = this.call;
      this.isConnecting = true;
      const connection = await this.context.connect({ node: this.node, peer, variant, typeUrl: rules.typeUrl, credentials });
      this.isConnecting = false;
      // Who was let in hears of the end, also of one that came before.
      if (this.isClosed) return this.tellEnd(connection.id, undefined);
      const group = connection.group.latest;
      this.connection = { ...connection, group };
      group.join(this);
      this.context.observer.connected?.(this.status());
      this.handle(request, rules);
    } catch (error) {
      const reason = XdsError.from(error);
      if (this.isConnecting && this.isClosed) this.tellEnd("", reason);
      this.isConnecting = false;
      this.end(reason);
    }
  }

  private tellEnd(proxy: string, error: XdsError | undefined): void {
    this.context.observer.disconnected?.({ stream: this.call.number, proxy, error });
  }

  private handle(request: Request, rules: ResourceTypeRules): void {
    const { connection } = this;
    if (connection === undefined) return;
    if (rules.reports === true) {
      const { typeUrl } = rules;
      const heard = this.context.report({ stream: this.call.number, proxy: this.proxy, typeUrl, problem: request.error?.message });
      return void heard?.then(() => this.acknowledge(typeUrl));
    }
    let watch = this.watches.get(rules.typeUrl);
    const first = watch === undefined;
    watch ??= this.watch(rules);
    if (first && (request.version !== "" || request.initialVersions.size > 0)) this.returns = true;
    const stale = this.call.variant === "sotw" && watch.lastSent !== undefined && request.nonce !== watch.lastSent.nonce;
    if (request.nonce !== "") this.answer(watch, request);
    // In the state of the world a request that does not know the last response is followed by one that does.
    if (!stale) {
      this.protocol.subscribe(watch, request, first, connection.group.snapshot.resources(rules.typeUrl), this.options(rules));
      if (first) this.owed.delete(rules.typeUrl);
    }
    if (!this.settled) this.context.pump.ready(this);
  }

  /** Answers a report: there are no resources of its type, and the client says nothing to it. */
  private acknowledge(typeUrl: string): void {
    if (this.isClosed) return;
    const contents = { resources: [], removed: [], version: "" };
    const draft = { contents, all: [], changedAt: undefined, additions: false };
    const { bytes } = this.context.bodies.encode(this.call.variant, this.protocol, typeUrl, draft);
    this.call.sink.send(bytes, nonceField((++this.nonces).toString(36)), () => undefined);
  }

  private watch(rules: ResourceTypeRules): Watch {
    const watch = new Watch(rules);
    this.watches.set(rules.typeUrl, watch);
    this.ordered = [...this.watches.values()].sort((a, b) => a.rules.order - b.rules.order);
    return watch;
  }

  /** An ACK or a NACK. Nonces that are not ours, or were answered before, say nothing. */
  private answer(watch: Watch, { nonce, error }: Request): void {
    const sent = watch.answered(nonce);
    if (sent === undefined) return;
    const { clock, observer } = this.context;
    const now = clock.now();
    const { typeUrl } = watch.rules;
    const event = { stream: this.call.number, proxy: this.proxy, typeUrl, nonce, version: sent.contents.version };
    const times = { sinceSent: now - sent.at, sinceChange: sent.changedAt === undefined ? undefined : now - sent.changedAt };
    if (error === undefined) {
      watch.accept(sent, now);
      watch.offerAgain();
      observer.accepted?.({ ...event, ...times });
    } else {
      const blamed = watch.refuse(sent, error, now);
      const view = this.connection?.group.snapshot.resources(typeUrl);
      // Of a response that holds everything there are no smaller parts.
      const isWhole = this.call.variant === "sotw" && watch.rules.complete;
      if (view !== undefined && !isWhole) watch.retries.push(...partsOf(watch, sent.contents, blamed, view));
      observer.refused?.({ ...event, ...times, reason: error.message, resources: blamed });
    }
    if (this.settled) observer.settled?.({ stream: this.call.number, proxy: this.proxy });
  }

  private options({ typeUrl, reworded }: ResourceTypeRules): Options {
    const { lists, limits, clock } = this.context;
    const maxResponse = reworded === undefined ? limits.response : ONE;
    return { maxNames: limits.names, maxResponse, owed: this.owed.get(typeUrl) ?? NOTHING_OWED, lists, now: clock.now() };
  }

  /** Whether changes of a type have to wait for another type's additions. */
  private waits({ rules }: Watch): boolean {
    if (rules.waitsFor === undefined) return false;
    const now = this.context.clock.now();
    return rules.waitsFor.some((typeUrl) => (this.watches.get(typeUrl)?.warming?.until ?? 0) > now);
  }

  /** Sends what there is of a type; false when the stream must not send more for now. */
  private send(watch: Watch, snapshot: Snapshot, stage: Stage): boolean {
    const { limits, clock, bodies, pump, observer } = this.context;
    const { typeUrl } = watch.rules;
    while (watch.unanswered.length < limits.unanswered) {
      if (this.inFlight >= limits.highWater) return false;
      const draft = this.protocol.next(watch, snapshot, stage, this.options(watch.rules));
      if (draft === undefined) return true;
      const { bytes, contents } = this.reword(watch, draft) ?? bodies.encode(this.call.variant, this.protocol, typeUrl, draft);
      const nonce = (++this.nonces).toString(36);
      const at = clock.now();
      const sent: Sent = { nonce, contents, at, changedAt: draft.changedAt };
      watch.unanswered.push(sent);
      watch.lastSent = sent;
      this.follow(watch, draft, contents, nonce, at);
      const field = nonceField(nonce);
      const size = bytes.length + field.length;
      if (this.inFlight === 0) this.progressAt = at;
      this.inFlight += size;
      this.counted += size;
      pump.began(size);
      this.call.sink.send(bytes, field, () => this.sent(size));
      const { resources, removed, version } = contents;
      const counts = { bytes: size, resources: resources.length, removed: removed.length, pushed: draft.changedAt !== undefined };
      observer.sent?.({ stream: this.call.number, proxy: this.proxy, typeUrl, nonce, version, ...counts });
    }
    return true;
  }

  /** What the client has to look at anew, if it saw it before. */
  private reword({ rules, refused }: Watch, draft: Draft): Body | undefined {
    const { clock, bodies } = this.context;
    const [resource] = draft.all;
    if (rules.reworded === undefined || resource === undefined) return undefined;
    if (!this.returns && refused.get(resource.name)?.version !== resource.version) return undefined;
    const all = [{ ...resource, value: rules.reworded(resource.value, clock.dateOf(clock.now())) }];
    return this.protocol.encode(rules.typeUrl, { ...draft, all, contents: { ...draft.contents, resources: all } }, bodies.identifier);
  }

  /** What a response entails: companions that have to follow, and types that wait for its acceptance. */
  private follow(watch: Watch, draft: Draft, contents: Contents, nonce: string, at: number): void {
    for (const [typeUrl, names] of companionsOf(contents.resources)) {
      const other = this.watches.get(typeUrl);
      if (other === undefined) {
        const before = this.owed.get(typeUrl);
        this.owed.set(typeUrl, before === undefined ? names : new Set([...before, ...names]));
      } else for (const name of names) if (other.wants(name)) other.asked.add(name);
    }
    if (!draft.additions) return;
    const { warming } = this.context.limits;
    watch.warming = { nonce, until: at + warming };
    this.cancelWarming?.();
    this.cancelWarming = this.context.clock.after(warming, () => this.context.pump.ready(this));
  }

  private sent(size: number): void {
    this.inFlight -= size;
    const counted = Math.min(size, this.counted);
    this.counted -= counted;
    this.progressAt = this.context.clock.now();
    this.context.pump.ended(counted);
    if (!this.isClosed && this.inFlight < this.context.limits.highWater && !this.settled) this.context.pump.ready(this);
  }
}
