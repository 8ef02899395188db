import { dial, type Dial } from "../../../harness/envoy/client/dial.ts";
import { Http1Connection } from "../../../harness/envoy/client/http1.ts";
import { Http2Connection } from "../../../harness/envoy/client/http2.ts";
import type { ClientConnection } from "../../../harness/envoy/client/message.ts";
import { WebSocketConnection } from "../../../harness/envoy/client/websocket.ts";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import type { ExchangeRequest } from "../../../harness/target/index.ts";
import type { Aim } from "./aim.ts";

/** Connections that wait for another request; the oldest is closed beyond this many. */
const IDLE = 64;

/** The connections of all clients. One is used again by requests of the same client to the same place, one request at a time. */
export class Connections implements Disposable {
  private readonly idle = new Map<string, ClientConnection[]>();
  private count = 0;

  /** Rejects with what the client sees where a handshake fails. */
  async take(request: ExchangeRequest, aim: Aim): Promise<ClientConnection> {
    const waiting = this.idle.get(keyOf(request, aim));
    for (let connection = waiting?.pop(); connection !== undefined; connection = waiting?.pop()) {
      this.count--;
      if (connection.reusable) return connection;
    }
    const isHttp2 = request.protocol === "h2" || request.protocol === "grpc";
    const protocol = isHttp2 ? "h2" : "http/1.1";
    const { path, source, destination } = aim;
    const options: Dial = { path, source, destination, alpn: [protocol], ...(aim.tls && { tls: tlsOf(request) }) };
    const { socket } = await dial(options);
    if (isHttp2) return new Http2Connection(socket, 0);
    return request.protocol === "websocket" ? new WebSocketConnection(socket, 0) : new Http1Connection(socket, 0);
  }

  giveBack(request: ExchangeRequest, aim: Aim, connection: ClientConnection): void {
    if (!connection.reusable) return connection.close();
    const key = keyOf(request, aim);
    const waiting = this.idle.get(key);
    if (waiting === undefined) this.idle.set(key, [connection]);
    else waiting.push(connection);
    if (++this.count > IDLE) this.closeOldest();
  }

  private closeOldest(): void {
    for (const [key, waiting] of this.idle) {
      this.idle.delete(key);
      this.count -= waiting.length;
      for (const connection of waiting) connection.close();
      if (waiting.length > 0) return;
    }
  }

  [Symbol.dispose](): void {
    for (const waiting of this.idle.values()) for (const connection of waiting) connection.close();
    this.idle.clear();
  }
}

function keyOf({ protocol, source, sni, authority }: ExchangeRequest, aim: Aim): string {
  const { path, source: from, destination, tls } = aim;
  return [protocol, path, from, destination, ...(tls ? [source?.principal, sni ?? authority] : [])].join(" ");
}

function tlsOf({ source, ...request }: ExchangeRequest): NonNullable<Dial["tls"]> {
  const client = identityOf(source?.principal ?? "client");
  const name = serverName(request);
  return {
    ca: client.authority,
    ...(source?.principal !== undefined && { cert: client.certificate, key: client.key }),
    ...(name !== undefined && { serverName: name }),
  };
}

/** What a client says in SNI: the host that it asks for, unless that is an address (RFC 6066, section 3). */
export function serverName({ sni, authority }: Pick<ExchangeRequest, "sni" | "authority">): string | undefined {
  const name = sni ?? authority?.replace(/:\d+$/, "");
  return name !== undefined && /[a-z]/i.test(name) && !name.includes(":") ? name : undefined;
}
