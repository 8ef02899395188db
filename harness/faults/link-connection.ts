import type { Socket } from "node:net";
import { Choices } from "../fuzz/random.ts";
import { Flow, type Shared } from "./flow.ts";

/** What a connection has from its link. */
export interface ConnectionOptions {
  readonly choices: Choices;
  /** The link's directions: to the destination, and back. */
  readonly forth: Shared;
  readonly back: Shared;
  connect(): Socket;
  /** Called once, before the ends see it: `reset` by a fault, `failed` where the destination did not take it, `closed` by its ends. */
  ended(how: "closed" | "reset" | "failed"): void;
}

/** A caller's connection to a link, and the one to the destination that belongs to it. */
export class LinkConnection {
  private readonly client: Socket;
  private readonly options: ConnectionOptions;
  private readonly forth: Flow;
  private back: Flow | undefined;
  private server: Socket | undefined;
  private over = false;

  constructor(client: Socket, options: ConnectionOptions) {
    this.client = client;
    this.options = options;
    this.forth = new Flow(client, options.forth, options.choices, false, (byFault) => this.reset(byFault));
    client.on("close", () => this.closed());
  }

  /** The link's faults are others now. Where nothing gets through, the destination does not see the connection yet. */
  changed(): void {
    if (this.server === undefined && this.options.forth.faults.cut === undefined) this.begin();
    this.forth.changed();
    this.back?.changed();
  }

  reset(byFault: boolean): void {
    this.finish(byFault ? "reset" : "closed");
  }

  private begin(): void {
    const { choices, back } = this.options;
    const server = this.options.connect();
    this.server = server;
    const failed = () => this.finish("failed");
    server.once("error", failed);
    server.on("close", () => this.closed());
    server.once("connect", () => {
      server.off("error", failed);
      this.back = new Flow(server, back, new Choices(choices.below(2 ** 32)), true, (byFault) => this.reset(byFault));
      this.back.to(this.client);
      this.forth.to(server);
    });
  }

  private closed(): void {
    if (this.client.destroyed && (this.server?.destroyed ?? true)) this.finish("closed");
  }

  private finish(how: "closed" | "reset" | "failed"): void {
    if (this.over) return;
    this.over = true;
    this.forth.stop();
    this.back?.stop();
    this.options.ended(how);
    for (const socket of [this.client, this.server]) if (socket !== undefined) cutOff(socket);
  }
}

/** With a reset, where the socket knows such a thing: one of the file system does not. */
function cutOff(socket: Socket): void {
  socket.on("error", () => undefined);
  if (socket.destroyed) return;
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
