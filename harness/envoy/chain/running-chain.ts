import {
  LOG_LEVEL,
  SERVER_PRINCIPAL,
  TargetError,
  type ExchangeRequest,
  type ExchangeResult,
  type LogLine,
  type RunningTarget,
  type ChainSpec,
} from "../../target/index.ts";
import { withEvidence } from "../../target/evidence.ts";
import { requireSendable } from "../../target/sendable.ts";
import { startUpstream, type RecordedRequest, type Upstream, type UpstreamAnswer } from "../../upstreams/index.ts";
import { Http1Connection, NOT_BEGUN } from "../client/http1.ts";
import type { ClientConnection, ClientRequest } from "../client/message.ts";
import type { EnvoyProvider, StartedEnvoy } from "../provider.ts";
import { Attribution, type StreamRecord } from "./attribution.ts";
import { BusyPoll } from "./busy-poll.ts";
import { chainBootstrap, LANE_HEADER, LISTENER } from "./bootstrap.ts";
import { startCallouts } from "./callouts.ts";
import { identityOf } from "./certificates.ts";
import { Lanes } from "./lanes.ts";
import { clientRequest, exchangeResult } from "./messages.ts";
import { Turns, type Turn } from "./turns.ts";

/** Milliseconds for which a request is waited for before the next one begins beside it. */
const PATIENCE = 20;
/** Milliseconds for which an access log entry is waited for after the client saw the end. A codec that refuses a request may write none. */
const ACCESS_LOG_WAIT = 2_000;
/** What a filter defined. Up to Envoy 1.38 the name of one in the upstream chain stands behind its cluster's. */
const METRIC = /^(?:cluster\..+\.)?wasmcustom\.(.+)$/;

/** Milliseconds between two reads of the log, where requests follow each other: the entries of a few are there together. */
const READ_EVERY = 1;

/** A wait for an access log entry, until that of {@link performance.now}; without an end while the client still waits for its answer. */
interface Waiting {
  readonly resolve: (record: StreamRecord | undefined) => void;
  until: number;
}

/** A request under way on its lane. */
interface Exchange {
  readonly request: ExchangeRequest;
  /** The upstream is about to answer. */
  readonly onAnswer: () => void;
  /** Envoy's number of it, once the upstream has seen it. */
  stream?: string;
  seen?: RecordedRequest;
  /** Where the client gives up: when it does, and when Envoy has logged it. */
  readonly ending: { readonly giveUp: PromiseWithResolvers<void>; readonly over: PromiseWithResolvers<void> } | undefined;
}

/** A chain in an Envoy of its own, between lanes of this process's client and its scripted upstream. */
export class RunningChain implements RunningTarget {
  private readonly envoy: StartedEnvoy;
  private readonly attribution: Attribution;
  private readonly lanes: Lanes;
  private readonly turns: Turns<Http1Connection>;
  private readonly busyPoll = new BusyPoll(() => this.turns.isAwaited);
  private readonly resources: AsyncDisposableStack;
  /** By the client's port, in order; where ports are translated on the way, at most one. */
  private readonly underWay: Map<number, Exchange[]>;
  /** Whether the last answer came to the client in less than {@link PATIENCE} after the upstream gave it. */
  private isSwift = false;
  /** Streams whose access log entry is waited for, by the client's port, in order. */
  private readonly waiting = new Map<number, Waiting[]>();
  private readonly onlyOne: boolean;
  private polling: NodeJS.Timeout | undefined;
  private reading: NodeJS.Immediate | undefined;
  private lastRead = 0;

  private constructor(
    provider: EnvoyProvider,
    chain: ChainSpec,
    envoy: StartedEnvoy,
    underWay: Map<number, Exchange[]>,
    resources: AsyncDisposableStack,
  ) {
    this.envoy = envoy;
    this.underWay = underWay;
    this.resources = resources;
    this.onlyOne = provider.name === "container";
    this.lanes = new Lanes(envoy.address(LISTENER));
    this.turns = new Turns(this.onlyOne ? Infinity : PATIENCE);
    this.attribution = new Attribution([...chain.filters, ...(chain.upstreamFilters ?? [])], (record) => this.onStream(record));
    for (const entry of envoy.log.entries) this.attribution.take(entry);
    envoy.log.subscribe((entry) => this.attribution.take(entry));
  }

  static async start(provider: EnvoyProvider, chain: ChainSpec): Promise<RunningChain> {
    await using resources = new AsyncDisposableStack();
    const host = await provider.upstreamHost();
    const underWay = new Map<number, Exchange[]>();
    const script = (request: RecordedRequest) => answer(underWay, provider.name === "container", request);
    const upstreams: Upstream[] = [];
    for (let i = 0; i < (chain.hosts ?? 1); i++) upstreams.push(resources.use(await startUpstream({ host: host.bind, script, keep: 0 })));
    const callouts = await startCallouts(chain.callouts ?? {}, host, resources);
    const bootstrap = chainBootstrap(chain, {
      upstreams: upstreams.map(({ port }) => ({ host: host.reach, port })),
      callouts,
      server: identityOf(SERVER_PRINCIPAL),
    });
    const envoy = resources.use(await provider.start(bootstrap, { componentLogLevels: { wasm: LOG_LEVEL, lua: "info" } }));
    return new RunningChain(provider, chain, envoy, underWay, resources.move());
  }

  async send(request: ExchangeRequest): Promise<ExchangeResult> {
    requireSendable(request);
    this.requireObservable(request);
    const before = this.attribution.written;
    const { response, seen, record } = await this.turns.run(
      (turn) => this.exchange(request, turn),
      (lane) => this.lanes.takesBehind(lane, request),
    );
    const result = exchangeResult(request, response, seen, await record);
    return withEvidence(result, { request, logs: this.attribution.since(before) }, this);
  }

  /**
   * Where ports are translated, what answers a client that gives up is not Envoy alone: its end can be lost on the way.
   *
   * @throws TargetError for a request with `reset` in a container
   */
  private requireObservable({ id, path, reset }: ExchangeRequest): void {
    if (!this.onlyOne || reset === undefined) return;
    throw new TargetError(
      `request ${id ?? path}: reset: what Envoy saw of a client that gave up is not certain behind a container's port; use an Envoy process`,
    );
  }

  private async exchange(request: ExchangeRequest, turn: Turn<Http1Connection>) {
    const { lane } = turn;
    if (lane !== undefined) {
      const { response, ...rest } = await this.exchangeOn(lane, request, turn, (sent) => lane.follow(sent));
      if (response !== NOT_BEGUN) return { response, ...rest };
    }
    const connection = await this.lanes.take(request);
    return this.exchangeOn(connection, request, turn, (sent) => connection.exchange(sent));
  }

  /** The access log entry is not part of a turn: the next request may begin while it is written. */
  private async exchangeOn<R>(
    connection: ClientConnection,
    request: ExchangeRequest,
    turn: Turn<Http1Connection>,
    send: (request: ClientRequest) => Promise<R>,
  ) {
    const lane = this.onlyOne ? 0 : connection.port;
    let answered: number | undefined;
    let isFollowed = false;
    const onAnswer = () => {
      answered ??= performance.now() + (request.response?.delay ?? 0);
      if (isFollowed || !(connection instanceof Http1Connection) || !this.mayBeFollowed(request)) return;
      // Behind the answer: what Envoy reads before that costs it more.
      setImmediate(() => (isFollowed ||= this.turns.offer(turn, connection)));
    };
    const ending = request.reset && { giveUp: Promise.withResolvers<void>(), over: Promise.withResolvers<void>() };
    const exchange: Exchange = { request, onAnswer, ending };
    const others = this.underWay.get(lane);
    if (others === undefined) this.underWay.set(lane, [exchange]);
    else others.push(exchange);
    const record = this.record(lane);
    const whole = send(clientRequest(request, ending?.giveUp.promise));
    this.busyPoll.expect();
    this.readSoon();
    const response = await whole;
    const entry = response === NOT_BEGUN ? record.none() : record.after();
    // What the client does not wait for comes to an end in Envoy later than for the client.
    if (ending !== undefined) await entry;
    ending?.over.resolve();
    this.leave(lane, exchange);
    if (answered !== undefined) this.isSwift = performance.now() - answered < PATIENCE;
    if (!isFollowed) this.lanes.giveBack(connection);
    return { response, seen: exchange.seen, record: entry };
  }

  /**
   * Whether the next request may be sent on the lane of this one as soon as the upstream answers it. Envoy takes up what comes behind a request of
   * HTTP/1.1 when that one is over (RFC 9112, section 9.3.2), so that they go one after the other all the same. But what is sent cannot begin beside
   * this one any more, should it be held on its way back: therefore not where the one before was.
   */
  private mayBeFollowed({ reset, response }: ExchangeRequest): boolean {
    return !this.onlyOne && this.isSwift && reset === undefined && response?.delay === undefined && response?.reset === undefined;
  }

  private leave(lane: number, exchange: Exchange): void {
    const all = this.underWay.get(lane);
    if (all === undefined || all.length < 2) this.underWay.delete(lane);
    else all.splice(all.indexOf(exchange), 1);
  }

  /**
   * Waits for the next access log entry of a lane. `after` gives the promise, which ends some time after that call at the latest; `none` waits no more.
   */
  private record(lane: number) {
    const { promise, resolve } = Promise.withResolvers<StreamRecord | undefined>();
    const waiting: Waiting = { resolve, until: Infinity };
    const queue = this.waiting.get(lane);
    if (queue === undefined) this.waiting.set(lane, [waiting]);
    else queue.push(waiting);
    this.poll();
    return {
      after() {
        waiting.until = performance.now() + ACCESS_LOG_WAIT;
        return promise;
      },
      none: () => {
        const left = (this.waiting.get(lane) ?? []).filter((other) => other !== waiting);
        if (left.length > 0) this.waiting.set(lane, left);
        else this.waiting.delete(lane);
        return promise;
      },
    };
  }

  private onStream(record: StreamRecord): void {
    this.settle(this.onlyOne ? 0 : Number(record.fields["port"]), record);
  }

  /** What waited longest on a lane waits no more. */
  private settle(lane: number, record: StreamRecord | undefined): void {
    const queue = this.waiting.get(lane);
    queue?.shift()?.resolve(record);
    if (queue?.length === 0) this.waiting.delete(lane);
  }

  /** Reads the log as long as somebody waits for it. */
  private poll(): void {
    if (this.polling !== undefined || this.waiting.size === 0) return;
    this.polling = setTimeout(() => {
      this.polling = undefined;
      if (this.isReadingDue) this.read();
      this.poll();
    }, READ_EVERY);
  }

  /** As soon as nothing else is to be done: right behind a request, that is while Envoy works on it, and nobody waits for this process. */
  private readSoon(): void {
    if (this.isReadingDue) this.reading ??= setImmediate(() => this.read());
  }

  private get isReadingDue(): boolean {
    return performance.now() - this.lastRead >= READ_EVERY;
  }

  private read(): void {
    clearImmediate(this.reading);
    this.reading = undefined;
    this.envoy.log.refresh();
    this.lastRead = performance.now();
    for (const [lane, queue] of this.waiting) if ((queue[0]?.until ?? Infinity) < this.lastRead) this.settle(lane, undefined);
  }

  async metrics(): Promise<Readonly<Record<string, number>>> {
    const { values } = await this.envoy.admin.stats("wasmcustom\\.");
    const metrics: Record<string, number> = {};
    for (const [name, value] of Object.entries(values)) {
      const metric = METRIC.exec(name)?.[1];
      if (metric !== undefined) metrics[metric] = (metrics[metric] ?? 0) + value;
    }
    return metrics;
  }

  async logs(): Promise<readonly LogLine[]> {
    this.envoy.log.refresh();
    return [...this.attribution.lines];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.polling);
    clearImmediate(this.reading);
    this.lanes[Symbol.dispose]();
    await this.resources.disposeAsync();
  }
}

/** What the request on the lane scripts; the upstream's record is kept without the lane. */
async function answer(
  underWay: ReadonlyMap<number, readonly Exchange[]>,
  onlyOne: boolean,
  request: RecordedRequest,
): Promise<UpstreamAnswer> {
  const [port, stream] = request.headers.find(([name]) => name.toLowerCase() === LANE_HEADER)?.[1].split(" ") ?? [];
  const exchanges = underWay.get(onlyOne ? 0 : Number(port));
  // A stream may come again, as a retry, while the one that was sent behind it waits.
  const exchange = exchanges?.find((each) => each.stream === stream || each.stream === undefined) ?? exchanges?.at(-1);
  // Nobody waits any more: a retry after the client has left.
  if (exchange === undefined) return { status: 503 };
  if (stream !== undefined) exchange.stream = stream;
  exchange.seen = { ...request, headers: request.headers.filter(([name]) => name.toLowerCase() !== LANE_HEADER) };
  exchange.onAnswer();
  const { ending } = exchange;
  const { reset, response = {} } = exchange.request;
  if (ending === undefined) return response;
  if (reset === "in-response") return { ...response, withoutEnd: ending.giveUp.resolve };
  if (reset !== "after-request") return response;
  ending.giveUp.resolve();
  await ending.over.promise;
  throw new Error("the client has given up");
}
