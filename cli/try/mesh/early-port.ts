import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * A port that takes connections for a server which cannot listen yet, and hands them on when it can. Envoy connects right after its start, which takes as long as loading what serves it; a connection that is refused would
 * cost it a pause.
 */
export class EarlyPort implements AsyncDisposable {
  readonly port: number;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private target: number | undefined;

  private constructor(server: Server) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => {
      this.keep(socket);
      if (this.target !== undefined) this.pass(socket, this.target);
    });
  }

  static async open(): Promise<EarlyPort> {
    const server = createServer({ noDelay: true, pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new EarlyPort(server);
  }

  /** Hands over what has come and what will come. */
  handTo(port: number): void {
    this.target = port;
    for (const socket of [...this.sockets]) this.pass(socket, port);
  }

  private pass(socket: Socket, port: number): void {
    const onward = connect({ port, host: "127.0.0.1", noDelay: true });
    this.keep(onward);
    socket.pipe(onward).pipe(socket);
    socket.on("close", () => onward.destroy());
    onward.on("close", () => socket.destroy());
    socket.resume();
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.sockets.delete(socket));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
