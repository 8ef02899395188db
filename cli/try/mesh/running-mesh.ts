import { clientRequest } from "../../../harness/envoy/chain/messages.ts";
import { STREAM_HEADER } from "../../../harness/envoy/chain/markers.ts";
import type { StreamRecord } from "../../../harness/envoy/chain/attribution.ts";
import { Turns } from "../../../harness/envoy/chain/turns.ts";
import type { ClientResponse } from "../../../harness/envoy/client/message.ts";
import type { Decision, ExchangeRequest, ExchangeResult, LogLine } from "../../../harness/target/index.ts";
import type { Sender } from "../time-limit.ts";
import type { LoggedFields } from "./access-log.ts";
import type { Aim, Range } from "./aim.ts";
import { Connections, serverName } from "./connections.ts";
import { resultOf } from "./result.ts";
import type { Exchange } from "./scripted-server.ts";
import type { StreamRecords } from "./stream-records.ts";

/** Milliseconds for which a request is waited for before the next one begins beside it, where requests are counted. */
const PATIENCE = 100;

/** Milliseconds for a request, beside what its script waits: more than the default timeouts of a proxy's routes and connections. */
const LIMIT = 60_000;

export interface MeshParts {
  /** Resolves with how Envoy ended, where it does so by itself. */
  readonly exited: Promise<string>;
  readonly range: Range;
  readonly records: StreamRecords;
  readonly underWay: Map<number, Exchange>;
  /** What was decided about an exchange, by filters and by Envoy itself. */
  readonly decisions: (result: ExchangeResult, record: StreamRecord | undefined) => readonly Decision[];
  /** Whether requests go one after the other. */
  readonly oneByOne: boolean;
  readonly resources: AsyncDisposableStack;
}

export interface Observed {
  readonly result: ExchangeResult;
  readonly mark: string | undefined;
  /** Name of the listener that took the request. */
  readonly listener: string;
}

/** A private Envoy with the configuration of one proxy, between clients and servers of this process. */
export class RunningMesh implements Sender {
  private readonly parts: MeshParts;
  private readonly connections = new Connections();
  private readonly turns: Turns | undefined;
  private streams = 0;
  private exit: string | undefined;

  constructor(parts: MeshParts) {
    this.parts = parts;
    this.turns = parts.oneByOne ? new Turns(PATIENCE) : undefined;
    void parts.exited.then((how) => (this.exit = how));
  }

  /** Rejects where nobody listens for the request, or it cannot be sent. */
  async send(request: ExchangeRequest): Promise<ExchangeResult> {
    return (await this.observe(request)).result;
  }

  /** As {@link send}, with the listener that took it, and the mark of the route that was taken; undefined where there was none, or it has none. */
  async observe(request: ExchangeRequest): Promise<Observed> {
    if (request.time !== undefined) throw new Error("time: Envoy has its own clock; leave it out, or try the filter alone, in process");
    if (request.reset !== undefined)
      throw new Error("reset: a filter alone has clients that give up; leave it out, or try the filter alone");
    const aim = this.parts.range.aim(request);
    const exchange: Exchange = { request: { ...request, scheme: aim.scheme }, asBytes: false };
    const run = () => this.exchange(exchange, aim);
    const { response, record, failure } = await (this.turns === undefined ? run() : this.turns.run(run));
    const logged = await record;
    if (response === undefined && this.exit !== undefined) throw new Error(`Envoy ended by itself (${this.exit}); is a module to blame?`);
    const mark = (logged?.fields as unknown as LoggedFields | undefined)?.mark;
    const result = resultOf(exchange, response, logged, failure);
    return { result: { ...result, decisions: this.parts.decisions(result, logged) }, mark: mark ?? undefined, listener: aim.listener };
  }

  private async exchange(exchange: Exchange, aim: Aim) {
    const stream = ++this.streams;
    const { request } = exchange;
    const lane = this.connections.lane(request, aim);
    this.parts.underWay.set(stream, exchange);
    const expected = this.parts.records.expect(stream, {
      source: lane.source,
      destination: aim.destination,
      sni: aim.tls ? serverName(request) : undefined,
    });
    let response: ClientResponse | undefined;
    let failure: string | undefined;
    try {
      const others = (request.headers ?? []).filter(([name]) => name.toLowerCase() !== STREAM_HEADER);
      const sent = clientRequest({ ...request, headers: [...others, [STREAM_HEADER, String(stream)]] });
      const limit = LIMIT + (request.response?.delay ?? 0);
      response = await within(
        limit,
        lane.open().then(async (connection) => {
          const answer = await connection.exchange(sent);
          // A connection that is passed on as bytes is logged when it is closed.
          if (exchange.asBytes) connection.close();
          else this.connections.giveBack(lane.source, request, aim, connection);
          return answer;
        }),
      );
    } catch (error) {
      if (error instanceof LateError) throw error;
      failure = error instanceof Error ? error.message : String(error);
    } finally {
      this.parts.underWay.delete(stream);
    }
    return { response, failure, record: expected.after(failure === undefined) };
  }

  async logs(): Promise<readonly LogLine[]> {
    return this.parts.records.lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connections[Symbol.dispose]();
    await this.parts.resources.disposeAsync();
  }
}

class LateError extends Error {}

async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new LateError(`not answered within ${milliseconds / 1000} s`)), milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
