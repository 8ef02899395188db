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

/** Of clients that do not say theirs: the dynamic ports of the IANA, from Meshwright's default on. */
const FIRST_PORT = 50_000;
const PORTS = 15_000;

/** What clients offer: by `istio` and its like proxies tell TLS of the mesh from that of the workloads themselves, and HTTP in it from bytes. */
const ALPN = {
  "http/1.1": { own: ["http/1.1"], ofMesh: ["istio-http/1.1", "istio", "http/1.1"] },
  h2: { own: ["h2"], ofMesh: ["istio-h2", "istio", "h2"] },
} as const;

/** Where one request goes on the wire. */
export interface Lane {
  /** `ip:port` of this end. No other connection has it at the same time, unless requests ask for it. */
  readonly source: string;
  /** Rejects with what the client sees where a handshake fails. */
  open(): Promise<ClientConnection>;
}

interface Idle {
  readonly source: string;
  readonly connection: ClientConnection;
}

/** The connections of all clients. One is used again by requests of the same client to the same place, one request at a time. */
export class Connections implements Disposable {
  private readonly idle = new Map<string, Idle[]>();
  private count = 0;
  private port = 0;

  lane(request: ExchangeRequest, aim: Aim): Lane {
    const waiting = this.idle.get(keyOf(request, aim));
    for (let idle = waiting?.pop(); idle !== undefined; idle = waiting?.pop()) {
      this.count--;
      const { source, connection } = idle;
      if (connection.reusable) return { source, open: () => Promise.resolve(connection) };
    }
    const source = `${aim.source.ip}:${aim.source.port ?? FIRST_PORT + (this.port++ % PORTS)}`;
    return { source, open: () => open(source, request, aim) };
  }

  giveBack(source: string, request: ExchangeRequest, aim: Aim, connection: ClientConnection): void {
    if (!connection.reusable) return connection.close();
    const key = keyOf(request, aim);
    const waiting = this.idle.get(key);
    if (waiting === undefined) this.idle.set(key, [{ source, connection }]);
    else waiting.push({ source, connection });
    if (++this.count > IDLE) this.closeOldest();
  }

  private closeOldest(): void {
    for (const [key, waiting] of this.idle) {
      this.idle.delete(key);
      this.count -= waiting.length;
      for (const { connection } of waiting) connection.close();
      if (waiting.length > 0) return;
    }
  }

  [Symbol.dispose](): void {
    for (const waiting of this.idle.values()) for (const { connection } of waiting) connection.close();
    this.idle.clear();
  }
}

async function open(source: string, request: ExchangeRequest, { path, destination, tls, ofMesh }: Aim): Promise<ClientConnection> {
  const isHttp2 = request.protocol === "h2" || request.protocol === "grpc";
  const alpn = ALPN[isHttp2 ? "h2" : "http/1.1"][ofMesh ? "ofMesh" : "own"];
  const { socket } = await dial({ path, source, destination, alpn, ...(tls && { tls: tlsOf(request) }) });
  if (isHttp2) return new Http2Connection(socket, 0);
  return request.protocol === "websocket" ? new WebSocketConnection(socket, 0) : new Http1Connection(socket, 0);
}

function keyOf({ protocol, source, sni, authority }: ExchangeRequest, aim: Aim): string {
  const { path, source: from, destination, tls, ofMesh } = aim;
  return [protocol, path, from.ip, from.port, destination, ofMesh, ...(tls ? [source?.principal, sni ?? authority] : [])].join(" ");
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
