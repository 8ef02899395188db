import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { shownBody, type ConnectionView, type Progress } from "./step.ts";

/** A server whose connections the steps of a case use one after the other. */
export interface TcpServer extends AsyncDisposable {
  readonly port: number;
  /** Connections that came and that nobody has taken. */
  readonly waiting: End[];
  /** The number of connections of clients; the last one takes what is waiting. */
  clients: number;
}

/** One end of a connection, and what came there. */
class End {
  readonly socket: Socket;
  private readonly chunks: Buffer[] = [];
  private progress: Progress = "open";

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.chunks.push(chunk));
    socket.on("end", () => {
      if (this.progress === "open") this.progress = "whole";
    });
    socket.on("error", () => (this.progress = "whole"));
  }

  leave(): void {
    this.progress = "whole";
  }

  view(): ConnectionView["client"] {
    return { body: shownBody(Buffer.concat(this.chunks).toString("latin1")), progress: this.progress };
  }
}

export async function startTcpServer(): Promise<TcpServer> {
  const waiting: End[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    waiting.push(new End(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    waiting,
    clients: 0,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

export type ConnectionPair = Awaited<ReturnType<typeof openConnection>>;

/** A connection of a client, and the one that Envoy opens for it, where it does. */
export async function openConnection({ host, port }: { readonly host: string; readonly port: number }, server: TcpServer) {
  server.waiting.length = 0;
  const number = ++server.clients;
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  await once(socket, "connect");
  const client = new End(socket);
  let taken: End | undefined;
  const other = () => (taken ??= server.clients === number ? server.waiting.shift() : undefined);
  return {
    send: (data: string) => void socket.write(data),
    finish: () => void socket.end(),
    leave: () => {
      socket.resetAndDestroy();
      client.leave();
    },
    receive: (data: string) => void other()?.socket.write(data),
    receiveEnd: () => void other()?.socket.end(),
    view: (): ConnectionView => ({ client: client.view(), server: other()?.view() ?? { body: "", progress: "open" } }),
  };
}
