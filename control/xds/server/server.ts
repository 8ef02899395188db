import { BodyCache } from "./body-cache.ts";
import type { Call, ConnectRequest, ProxyConnection, Report } from "./call.ts";
import { SYSTEM_CLOCK, type Clock } from "./clock.ts";
import { XdsError } from "./error.ts";
import { ProxyGroup } from "./group.ts";
import { DEFAULT_LIMITS, type StreamLimits } from "./limits.ts";
import { NameLists } from "./name-lists.ts";
import type { Observer } from "./observer.ts";
import { Pump } from "./pump.ts";
import type { Snapshot } from "./resource.ts";
import { TypeTable, type ResourceTypeRules } from "./rules.ts";
import type { StreamStatus } from "./status.ts";
import { XdsStream } from "./stream.ts";

export interface XdsServerOptions {
  readonly types: readonly ResourceTypeRules[];
  /**
   * Says who a client is and what it gets, when its first request has come. Refuses it by throwing or rejecting with an {@link XdsError}; until it is
   * done nothing more is read of the stream.
   */
  readonly onConnect: (request: ConnectRequest) => Promise<ProxyConnection> | ProxyConnection;
  readonly observer?: Observer;
  /** Hears what clients report. When what it returns resolves, the client gets an answer; where it returns nothing, none. It must not throw or reject. Default: nobody hears it. */
  readonly onReport?: (report: Report) => Promise<void> | undefined;
  /** Default: {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<StreamLimits>;
  /** Bytes in flight to all streams together, above which those that wait are not served yet. Default: 16 MiB. */
  readonly budget?: number;
  /** Said to clients in every response; Envoy shows it as `control_plane.identifier`. Default: none. */
  readonly identifier?: string;
  readonly clock?: Clock;
}

const BUDGET = 16 * 1024 * 1024;
const CHECK_EVERY = 1000;

/** The protocol of xDS for any number of streams. It knows no resource type and no socket. */
export class XdsServer {
  private readonly clock: Clock;
  private readonly table: TypeTable;
  private readonly all = new Map<number, XdsStream>();
  private readonly pump: Pump;
  private readonly bodies: BodyCache;
  private readonly lists = new NameLists();
  private readonly options: XdsServerOptions;
  private readonly limits: StreamLimits;
  private count = 0;
  private cancelCheck: (() => void) | undefined;
  private ended = false;

  constructor(options: XdsServerOptions) {
    this.options = options;
    this.clock = options.clock ?? SYSTEM_CLOCK;
    this.table = new TypeTable(options.types);
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.bodies = new BodyCache(options.identifier ?? "");
    this.pump = new Pump(this.clock, options.budget ?? BUDGET);
  }

  /** In the order of pushes. */
  get types(): readonly ResourceTypeRules[] {
    return this.table.all;
  }

  /** A group of proxies that get `snapshot` until something is pushed to it. */
  group(snapshot: Snapshot): ProxyGroup {
    return new ProxyGroup(snapshot, () => this.clock.now());
  }

  /** Called by the transport for every call. */
  open(call: Omit<Call, "number">): XdsStream {
    const context = {
      types: this.table,
      limits: this.limits,
      clock: this.clock,
      pump: this.pump,
      bodies: this.bodies,
      lists: this.lists,
      observer: this.options.observer ?? {},
      connect: this.options.onConnect,
      report: (report: Report) => this.options.onReport?.(report),
      closed: (closed: XdsStream) => void this.all.delete(closed.call.number),
    };
    const stream = new XdsStream(context, { ...call, number: ++this.count });
    this.all.set(stream.call.number, stream);
    if (this.ended) stream.end(shuttingDown());
    else this.cancelCheck ??= this.clock.after(CHECK_EVERY, () => this.check());
    return stream;
  }

  /** Streams whose client is known, in the order in which they were opened. */
  *streams(): Iterable<XdsStream> {
    for (const stream of this.all.values()) if (stream.group !== undefined) yield stream;
  }

  /** The status of every stream. */
  status(): StreamStatus[] {
    return [...this.streams()].map((stream) => stream.status());
  }

  /** Ends every stream with `UNAVAILABLE`, upon which clients connect again, and those that come. */
  end(): void {
    this.ended = true;
    this.cancelCheck?.();
    for (const stream of [...this.all.values()]) stream.end(shuttingDown());
  }

  private check(): void {
    this.cancelCheck = undefined;
    const now = this.clock.now();
    for (const stream of [...this.all.values()]) stream.check(now);
    this.bodies.expire();
    if (this.all.size > 0) this.cancelCheck = this.clock.after(CHECK_EVERY, () => this.check());
  }
}

function shuttingDown(): XdsError {
  return new XdsError("UNAVAILABLE", "the control service is shutting down");
}
