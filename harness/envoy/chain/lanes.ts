import type { ExchangeRequest } from "../../target/index.ts";
import { DEFAULT_DESTINATION, DEFAULT_SOURCE, overTls } from "../../target/index.ts";
import { dial, type Dial } from "../client/dial.ts";
import { Http1Connection } from "../client/http1.ts";
import { Http2Connection } from "../client/http2.ts";
import type { ClientConnection } from "../client/message.ts";
import { WebSocketConnection } from "../client/websocket.ts";
import { identityOf } from "./certificates.ts";

/** Connections that wait for another request of the same client; the oldest is closed beyond this many. */
const IDLE = 32;

/** Client connections to one listener, each a lane for one request at a time. Requests of one client and protocol share them. */
export class Lanes implements Disposable {
  private readonly idle: Array<{ readonly key: string; readonly connection: ClientConnection }> = [];
  private readonly keys = new WeakMap<ClientConnection, string>();
  private readonly listener: { readonly host: string; readonly port: number };

  constructor(listener: { readonly host: string; readonly port: number }) {
    this.listener = listener;
  }

  async take(request: ExchangeRequest): Promise<ClientConnection> {
    const key = keyOf(request);
    for (let at = this.idle.length - 1; at >= 0; at--) {
      const lane = this.idle[at];
      if (lane?.key !== key) continue;
      this.idle.splice(at, 1);
      if (lane.connection.reusable) return lane.connection;
    }
    const connection = await connect(this.listener, request);
    this.keys.set(connection, key);
    return connection;
  }

  /** Whether a request can be sent on a connection that another one has taken, behind that one. */
  takesBehind(connection: Http1Connection, request: ExchangeRequest): boolean {
    // Pieces that are sent while another request is answered would come together; who gives up closes the connection.
    return (
      connection.followable &&
      request.reset === undefined &&
      request.chunks === undefined &&
      request.trailers === undefined &&
      this.keys.get(connection) === keyOf(request)
    );
  }

  giveBack(connection: ClientConnection): void {
    const key = this.keys.get(connection);
    if (!connection.reusable || key === undefined) return connection.close();
    this.idle.push({ key, connection });
    if (this.idle.length > IDLE) this.idle.shift()?.connection.close();
  }

  [Symbol.dispose](): void {
    for (const { connection } of this.idle.splice(0)) connection.close();
  }
}

function keyOf(request: ExchangeRequest): string {
  const { protocol, source, sni } = request;
  return JSON.stringify([
    isHttp2(request),
    protocol === "websocket",
    source?.address,
    source?.principal,
    destinationOf(request),
    sni,
    overTls(request),
  ]);
}

async function connect(listener: { readonly host: string; readonly port: number }, request: ExchangeRequest): Promise<ClientConnection> {
  const options: Dial = {
    ...listener,
    source: request.source?.address ?? DEFAULT_SOURCE,
    destination: destinationOf(request),
    alpn: [isHttp2(request) ? "h2" : "http/1.1"],
    ...(overTls(request) && { tls: tlsOf(request) }),
  };
  const { socket, port } = await dial(options);
  if (isHttp2(request)) return new Http2Connection(socket, port);
  return request.protocol === "websocket" ? new WebSocketConnection(socket, port) : new Http1Connection(socket, port);
}

function isHttp2({ protocol }: ExchangeRequest): boolean {
  return protocol === "h2" || protocol === "grpc";
}

function tlsOf({ source, sni, authority }: ExchangeRequest): NonNullable<Dial["tls"]> {
  const client = identityOf(source?.principal ?? "client");
  const serverName = sni ?? authority?.replace(/:\d+$/, "");
  return {
    ca: client.authority,
    ...(source?.principal !== undefined && { cert: client.certificate, key: client.key }),
    ...(serverName !== undefined && /[a-z]/i.test(serverName) && { serverName }),
  };
}

function destinationOf({ destination }: ExchangeRequest): string {
  return `${destination?.address ?? DEFAULT_DESTINATION.address}:${destination?.port ?? DEFAULT_DESTINATION.port}`;
}
