import { Attribution, type StreamRecord } from "../../../harness/envoy/chain/attribution.ts";
import type { EnvoyLog } from "../../../harness/envoy/index.ts";
import type { FilterSpec, LogLine } from "../../../harness/target/index.ts";
import type { LoggedFields } from "./access-log.ts";

/** Milliseconds for which a line of the access log is waited for after the client saw the end. */
const WAIT = 2_000;
/** The same where a handshake failed, about which Envoy may have nothing to say. */
const WAIT_FOR_REASON = 250;

/** By what a connection is known in the log. */
interface Client {
  readonly source: string;
  readonly destination: string;
  /** As sent in SNI. */
  readonly sni: string | undefined;
}

/** Somebody who waits for what Envoy logs about a request. */
interface Waiting extends Client {
  readonly resolve: (record: StreamRecord | undefined) => void;
}

export interface Expected {
  /** Called when the client has seen the end. The record comes soon after that, or not at all; `answered` tells whether there was an answer. */
  after(answered: boolean): Promise<StreamRecord | undefined>;
}

/** Finds for each request what Envoy logged about it: by its number, where its filters ran; else by its connection. */
export class StreamRecords implements Disposable {
  private readonly attribution: Attribution;
  private readonly log: EnvoyLog;
  private readonly waiting = new Map<number, Waiting>();
  private polling: NodeJS.Timeout | undefined;

  constructor(log: EnvoyLog, filters: readonly FilterSpec[]) {
    this.log = log;
    this.attribution = new Attribution(filters, (record) => this.take(record));
    for (const entry of log.entries) this.attribution.take(entry);
    log.subscribe((entry) => this.attribution.take(entry));
  }

  /** Every line of a filter so far. */
  get lines(): readonly LogLine[] {
    this.log.refresh();
    return this.attribution.lines;
  }

  expect(stream: number, { source, destination, sni }: Client): Expected {
    const { promise, resolve } = Promise.withResolvers<StreamRecord | undefined>();
    this.waiting.set(stream, { source, destination, sni, resolve });
    this.poll();
    return {
      after: (answered) => {
        const timer = setTimeout(
          () => {
            this.waiting.delete(stream);
            resolve(undefined);
          },
          answered ? WAIT : WAIT_FOR_REASON,
        );
        return promise.finally(() => clearTimeout(timer));
      },
    };
  }

  private take(record: StreamRecord): void {
    const fields = record.fields as unknown as LoggedFields;
    const stream = fields.stream === null ? this.find(fields) : Number(fields.stream);
    if (stream === undefined) return;
    this.waiting.get(stream)?.resolve(record);
    this.waiting.delete(stream);
  }

  /** Of several on connections that are alike, the first is over first. A request that HTTP's codec refuses has no number, and ends as soon as it has begun: where nothing else tells, it is the last. */
  private find({ kind, source, destination, sni }: LoggedFields): number | undefined {
    const all = [...this.waiting];
    const alike = all.filter(([, waiting]) => waiting.source === source && waiting.destination === destination);
    const found = alike.find(([, waiting]) => waiting.sni === (sni ?? undefined)) ?? alike[0] ?? (kind === "http" ? all.at(-1) : undefined);
    return found?.[0];
  }

  /** Reads the log as long as somebody waits for it. */
  private poll(): void {
    if (this.polling !== undefined || this.waiting.size === 0) return;
    this.polling = setTimeout(() => {
      this.polling = undefined;
      this.log.refresh();
      this.poll();
    }, 1);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.polling);
  }
}
