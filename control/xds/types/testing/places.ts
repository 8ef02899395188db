import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Servers on two ports of every address of the loopback network. Each answers with where a connection came to: `127.1.0.1 web`, `127.1.0.1 other`. */
export class Places implements AsyncDisposable {
  readonly web: number;
  readonly other: number;
  private readonly servers: readonly Server[];

  private constructor(servers: readonly [Server, Server]) {
    const [web, other] = servers.map((server) => (server.address() as AddressInfo).port);
    this.web = web ?? 0;
    this.other = other ?? 0;
    this.servers = servers;
  }

  static async start(): Promise<Places> {
    const serve = async (name: string) => {
      const server = createServer((request, response) => void response.end(`${request.socket.localAddress ?? ""} ${name}`));
      server.listen(0, "0.0.0.0");
      await once(server, "listening");
      return server;
    };
    return new Places([await serve("web"), await serve("other")]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}
