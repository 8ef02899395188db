import {
  LOG_LEVEL,
  SERVER_PRINCIPAL,
  type ExchangeRequest,
  type ExchangeResult,
  type LogLine,
  type RunningTarget,
  type ChainSpec,
} from "../../target/index.ts";
import { withEvidence } from "../../target/evidence.ts";
import { requireSendable } from "../../target/sendable.ts";
import { startUpstream, type RecordedRequest, type Upstream, type UpstreamAnswer } from "../../upstreams/index.ts";
import type { ClientConnection, ClientResponse } from "../client/message.ts";
import type { EnvoyProvider, StartedEnvoy } from "../provider.ts";
import { Attribution, type StreamRecord } from "./attribution.ts";
import { chainBootstrap, LANE_HEADER, LISTENER } from "./bootstrap.ts";
import { startCallouts } from "./callouts.ts";
import { identityOf } from "./certificates.ts";
import { Lanes } from "./lanes.ts";
import { clientRequest, exchangeResult } from "./messages.ts";
import { Turns } from "./turns.ts";

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
  seen?: RecordedRequest;
  /** That the client gives up. */
  readonly giveUp: PromiseWithResolvers<void>;
  /** Resolves when Envoy has logged it. */
  readonly over: PromiseWithResolvers<void>;
}

/** A chain in an Envoy of its own, between lanes of this process's client and its scripted upstream. */
export class RunningChain implements RunningTarget {
  private readonly envoy: StartedEnvoy;
  private readonly attribution: Attribution;
  private readonly lanes: Lanes;
  private readonly turns: Turns;
  private readonly resources: AsyncDisposableStack;
  /** By the client's port; where ports are translated on the way, at most one. */
  private readonly underWay: Map<number, Exchange>;
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
    underWay: Map<number, Exchange>,
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
    const underWay = new Map<number, Exchange>();
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
    const exchange: Exchange = { request, giveUp: Promise.withResolvers(), over: Promise.withResolvers() };
    const before = this.attribution.written;
    const { response, record } = await this.turns.run(async () => {
      const connection = await this.lanes.take(request);
      return this.exchange(connection, exchange);
    });
    const result = exchangeResult(request, response, exchange.seen, await record);
    return withEvidence(result, { request, logs: this.attribution.since(before) }, this);
  }

  /** The access log entry is not part of a turn: the next request may begin while it is written. */
  private async exchange(connection: ClientConnection, exchange: Exchange) {
    const lane = this.onlyOne ? 0 : connection.port;
    this.underWay.set(lane, exchange);
    const record = this.record(lane);
    const answered = connection.exchange(clientRequest(exchange.request, exchange.giveUp.promise));
    this.readSoon();
    const response: ClientResponse | undefined = await answered;
    const after = record.after();
    // What the client does not wait for comes to an end in Envoy later than for the client.
    if (exchange.request.reset !== undefined) await after;
    exchange.over.resolve();
    this.underWay.delete(lane);
    this.lanes.giveBack(connection);
    return { response, record: after };
  }

  /** Waits for the next access log entry of a lane. `after` gives the promise, which ends some time after that call at the latest. */
  private record(lane: number): { after(): Promise<StreamRecord | undefined> } {
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
async function answer(underWay: ReadonlyMap<number, Exchange>, onlyOne: boolean, request: RecordedRequest): Promise<UpstreamAnswer> {
  const lane = request.headers.find(([name]) => name.toLowerCase() === LANE_HEADER)?.[1];
  const exchange = underWay.get(onlyOne ? 0 : Number(lane));
  // Nobody waits any more: a retry after the client has left.
  if (exchange === undefined) return { status: 503 };
  exchange.seen = { ...request, headers: request.headers.filter(([name]) => name.toLowerCase() !== LANE_HEADER) };
  const { reset, response = {} } = exchange.request;
  if (reset === "in-response") return { ...response, withoutEnd: exchange.giveUp.resolve };
  if (reset !== "after-request") return response;
  exchange.giveUp.resolve();
  await exchange.over.promise;
  throw new Error("the client has given up");
}
