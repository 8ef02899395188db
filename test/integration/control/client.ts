import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { proxyHeader } from "../../../control/xds/types/testing/running-proxy.ts";

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Where a connection goes: a port of this machine or a path, and, where the listener is a redirecting one, the address that the client wanted to go to. */
export interface Place {
  readonly port?: number;
  readonly path?: string;
  /** `ip:port` */
  readonly destination?: string;
  readonly tls?: ConnectionOptions;
}

/** A connection to an Envoy. What is written goes out when it is there. */
export function connectTo({ port = 0, path, destination, tls }: Place): Socket {
  const socket = path === undefined ? connect(port, "127.0.0.1") : connect(path);
  if (destination !== undefined) socket.write(proxyHeader(destination));
  return tls === undefined ? socket : connectTls({ ...tls, socket });
}

class PlaceAgent extends Agent {
  private readonly place: Place;

  constructor(place: Place, connections: number) {
    super({ keepAlive: true, maxSockets: connections });
    this.place = place;
  }

  override createConnection(): Duplex {
    return connectTo(this.place);
  }
}

/** A client of HTTP/1.1 that keeps its connections. */
export class Client implements Disposable {
  private readonly agent: Agent;

  constructor(place: Place, connections = 1) {
    this.agent = new PlaceAgent(place, connections);
  }

  /** @param headers lines */
  get(host: string, path: string, headers: readonly string[] = []): Promise<Answer> {
    return this.exchange("GET", host, path, headers);
  }

  post(host: string, path: string, body: Uint8Array): Promise<Answer> {
    return this.exchange("POST", host, path, [`content-length: ${body.length}`], body);
  }

  private exchange(method: string, host: string, path: string, headers: readonly string[], sent?: Uint8Array): Promise<Answer> {
    const fields = headers.flatMap((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
    return new Promise((resolve, reject) => {
      const outgoing = request({ agent: this.agent, method, path, headers: ["Host", host, ...fields], timeout: 20_000 }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.on("error", reject);
        response.on("end", () => {
          const entries = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
          resolve({ status: response.statusCode ?? 0, headers: new Map(entries), body });
        });
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error(`${host}${path}: no answer within 20 s`)));
      outgoing.on("error", reject);
      outgoing.end(sent);
    });
  }

  [Symbol.dispose](): void {
    this.agent.destroy();
  }
}

/** One request on a connection of its own. */
export async function getAt(place: Place, host: string, path: string, headers: readonly string[] = []): Promise<Answer> {
  using client = new Client(place);
  return await client.get(host, path, headers);
}
