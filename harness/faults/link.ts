import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Choices } from "../fuzz/random.ts";
import { FaultError } from "./fault-error.ts";
import { type Shared } from "./flow.ts";
import { LinkConnection } from "./link-connection.ts";
import { checkFaults, type LinkFaults } from "./link-faults.ts";

/** Where a link leads: an address (default: of 127.0.0.1), or a socket of the file system. */
export type Destination =
  | {
      readonly host?: string;
      readonly port: number;
      /** Address of this machine that the destination sees. Default: what the kernel chooses. */
      readonly localAddress?: string;
    }
  | { readonly path: string };

export interface LinkOptions {
  /** Where it leads; a function is asked for each connection. */
  readonly to: Destination | (() => Destination);
  /** Where it listens. Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** A socket of the file system to listen on instead. */
  readonly path?: string;
  /** Whether it listens at all; where it does not, connections that came elsewhere are given to `carry`. Default: true. */
  readonly listens?: boolean;
  /** Of everything that is drawn. Each connection draws for itself, in the order in which they are made. Default: 1. */
  readonly seed?: number;
  /** From the start on. Default: none. */
  readonly faults?: LinkFaults;
  /** Called when the counts have changed, before what was counted goes on. */
  readonly onCount?: () => void;
}

/** What went over a link since it was made. */
export interface LinkCounts {
  /** Connections that were made to it. */
  readonly connections: number;
  readonly open: number;
  /** Connections that the link itself reset, for a fault. */
  readonly reset: number;
  /** Connections that its destination did not take; the caller saw a reset. */
  readonly failed: number;
  /** Chunks that were lost and came late. */
  readonly retransmitted: number;
  /** Bytes that reached the destination. */
  readonly sent: number;
  /** Bytes that came back to callers. */
  readonly received: number;
}

/**
 * A link to any server over TCP, that can be made slow, lossy, or cut at any time.
 *
 * ```ts
 * await using link = await startLink({ to: { port: server.port } });
 * await fetch(`http://127.0.0.1:${link.port}/`);
 * await link.set({ delay: 100, jitter: 20 });
 * await link.set({ cut: "hang" });
 * await link.heal();
 * ```
 *
 * It sees bytes, not packets, and TLS and HTTP/2 go through as they are. Connections are made at once whatever the delay is: this machine's kernel makes them.
 *
 * @throws FaultError `address` where it cannot listen, `spec` for faults that are none
 */
export async function startLink(options: LinkOptions): Promise<Link> {
  const link = new Link(options);
  await link.set(options.faults ?? {});
  return link;
}

export class Link implements AsyncDisposable {
  readonly host: string;
  private readonly options: LinkOptions;
  private readonly connections = new Set<LinkConnection>();
  private readonly counted = { connections: 0, reset: 0, failed: 0 };
  private server: Server | undefined;
  private boundPort: number;
  private current: LinkFaults = {};
  private readonly forth: Direction;
  private readonly back: Direction;
  private readonly onCount: () => void;

  /** Use {@link startLink}. */
  constructor(options: LinkOptions) {
    this.options = options;
    this.host = options.host ?? "127.0.0.1";
    this.boundPort = options.port ?? 0;
    this.onCount = options.onCount ?? (() => undefined);
    [this.forth, this.back] = [new Direction(this.onCount), new Direction(this.onCount)];
  }

  /** 0 where it listens on a path. */
  get port(): number {
    return this.boundPort;
  }

  get faults(): LinkFaults {
    return this.current;
  }

  get counts(): LinkCounts {
    const { forth, back } = this;
    const retransmitted = forth.retransmissions + back.retransmissions;
    return { ...this.counted, open: this.connections.size, retransmitted, sent: forth.bytes, received: back.bytes };
  }

  /** From now on these are its faults, and no others, also for connections that are open. */
  async set(faults: LinkFaults): Promise<void> {
    checkFaults(faults);
    this.current = { ...faults };
    for (const direction of [this.forth, this.back]) direction.set(this.current);
    if (faults.cut === "reset" || faults.cut === "refuse") for (const connection of [...this.connections]) connection.reset(true);
    for (const connection of this.connections) connection.changed();
    if (faults.cut === "refuse") await this.unlisten();
    else if (this.options.listens !== false) await this.listen();
  }

  /** Without any fault. What was held back goes on. */
  heal(): Promise<void> {
    return this.set({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of [...this.connections]) connection.reset(false);
    await this.unlisten();
  }

  private async listen(): Promise<void> {
    if (this.server !== undefined) return;
    const { path } = this.options;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.carry(client));
    this.server = server;
    if (path === undefined) server.listen(this.boundPort, this.host);
    else server.listen(path);
    try {
      await once(server, "listening");
    } catch (error) {
      this.server = undefined;
      const where = path ?? `${this.host}:${this.boundPort}`;
      throw new FaultError("address", `the link cannot listen on ${where}: ${reasonOf(error)}; give it another, or none for a free port`, {
        cause: error,
      });
    }
    if (path === undefined) this.boundPort = (server.address() as AddressInfo).port;
  }

  private async unlisten(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    await new Promise((resolve) => server.close(resolve));
  }

  /** Takes a connection of a caller, as those that come to where it listens. Its ends are apart (`allowHalfOpen`). */
  carry(client: Socket): void {
    const choices = new Choices(((this.options.seed ?? 1) * 0x9e3779b1 + this.counted.connections++) >>> 0);
    if (this.current.cut === "reset" || this.current.cut === "refuse") {
      this.counted.reset++;
      this.onCount();
      client.on("error", () => undefined).resetAndDestroy();
      return;
    }
    const { to } = this.options;
    const connection = new LinkConnection(client, {
      choices,
      forth: this.forth,
      back: this.back,
      connect: () => connectTo(typeof to === "function" ? to() : to),
      ended: (how) => {
        this.connections.delete(connection);
        if (how !== "closed") this.counted[how]++;
        this.onCount();
      },
    });
    this.connections.add(connection);
    this.onCount();
    connection.changed();
  }
}

/** What all connections share, one way. */
class Direction implements Shared {
  faults: LinkFaults = {};
  bytes = 0;
  retransmissions = 0;
  private busyUntil = 0;
  private readonly onCount: () => void;

  constructor(onCount: () => void) {
    this.onCount = onCount;
  }

  set(faults: LinkFaults): void {
    this.faults = faults;
    this.busyUntil = 0;
  }

  through(length: number): number {
    const now = performance.now();
    const { bytesPerSecond } = this.faults;
    if (bytesPerSecond === undefined) return now;
    this.busyUntil = Math.max(now, this.busyUntil) + (length / bytesPerSecond) * 1_000;
    return this.busyUntil;
  }

  carried(length: number): void {
    this.bytes += length;
    this.onCount();
  }

  retransmitted(): void {
    this.retransmissions++;
    this.onCount();
  }
}

function connectTo(destination: Destination): Socket {
  if ("path" in destination) return connect({ path: destination.path, allowHalfOpen: true });
  return connect({ host: "127.0.0.1", ...destination, allowHalfOpen: true, noDelay: true });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
