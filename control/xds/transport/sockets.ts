import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import { contextOf, HANDSHAKE_TIMEOUT, type ServerCertificate } from "../../tls/index.ts";

/** A connection that came to nothing. */
export interface ConnectionFailure {
  /** `address:port`; empty on a Unix socket. */
  readonly peer: string;
  readonly reason: string;
}

export interface SocketOptions {
  /** For TLS. Default: none. */
  readonly certificate?: ServerCertificate | undefined;
  /** Whether clients may come without TLS. With a `certificate`, both are spoken on the one address. */
  readonly plaintext: boolean;
  /** Milliseconds within which a client has said whether it speaks TLS, and TLS has begun. Default: 10,000. */
  readonly handshakeTimeout?: number;
  /** Connections that may be that far at once; one more ends the oldest of them. Default: 5,000. */
  readonly handshakes?: number;
  /** Takes a connection that is ready: a TLSSocket where it speaks TLS. */
  readonly onConnection: (socket: Socket) => void;
  /** Hears why there is none. Default: nobody. */
  readonly onFailure?: (failure: ConnectionFailure) => void;
}

/** The first byte of every TLS connection, the type of its first record (RFC 8446, section 5.1); HTTP/2 without TLS begins with `PRI`. */
const HANDSHAKE = 0x16;

const HANDSHAKES = 5000;

/**
 * The sockets of one address, as far as who connects is known: each is handed on when TLS has begun, or its first byte says that it speaks none. Until then it holds a place among a limited number, for
 * a limited time: those of clients that are slow on purpose are taken by others.
 */
export class Sockets {
  /** Listens nowhere yet. */
  readonly server: NetServer;
  private readonly options: SocketOptions;
  private readonly tls: TlsServer | undefined;
  private readonly unsubscribe: (() => void) | undefined;
  /** Every connection, by `address:port` of its client, as `getPeer()` of a call names it; on a Unix socket nobody has a name. */
  private readonly open = new Map<string | symbol, Socket>();
  /** Those that are not ready, the oldest first, with what ends their time. */
  private readonly beginning = new Map<Socket, NodeJS.Timeout>();
  /** The same by both of their addresses, by which they are found when TLS has begun. */
  private readonly shaking = new Map<string, Socket>();

  constructor(options: SocketOptions) {
    this.options = options;
    const { certificate } = options;
    if (certificate !== undefined) {
      // Whose certificate a client shows, and whether it is good, is looked at by who reads it. Node's own time limit starts with the handshake; ours started before.
      this.tls = createTlsServer({ ...contextOf(certificate), requestCert: true, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
      this.tls.on("secureConnection", (socket) => this.secured(socket));
      this.tls.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
        // Who goes by itself is nobody's fault: probes do.
        if (error.code !== "ECONNRESET") this.fail(this.shaking.get(addressesOf(socket)), error.message);
      });
      this.unsubscribe = certificate.onChange(() => this.tls?.setSecureContext(contextOf(certificate)));
    }
    this.server = createNetServer({ noDelay: true }, (socket) => this.begin(socket));
  }

  /** Cuts a client's connection. */
  cut(peer: string): void {
    this.open.get(peer)?.destroy();
  }

  /** Cuts every connection. */
  end(): void {
    this.unsubscribe?.();
    for (const socket of this.open.values()) socket.destroy();
  }

  private begin(socket: Socket): void {
    const { certificate, plaintext, onConnection, handshakeTimeout = HANDSHAKE_TIMEOUT, handshakes = HANDSHAKES } = this.options;
    const key = peerOf(socket) || Symbol("local");
    this.open.set(key, socket);
    socket.on("error", () => undefined);
    socket.once("close", () => {
      if (this.open.get(key) === socket) this.open.delete(key);
    });
    if (certificate === undefined) return onConnection(socket);
    const [oldest] = this.beginning.keys();
    if (this.beginning.size >= handshakes) this.fail(oldest, `${handshakes} connections are beginning, and this one was the oldest`);
    const late = () => this.fail(socket, `TLS has not begun within ${handshakeTimeout} ms`);
    this.beginning.set(socket, setTimeout(late, handshakeTimeout).unref());
    const addresses = addressesOf(socket);
    this.shaking.set(addresses, socket);
    socket.once("close", () => {
      this.forget(socket);
      if (this.shaking.get(addresses) === socket) this.shaking.delete(addresses);
    });
    if (plaintext) socket.once("readable", () => this.choose(socket));
    else this.tls?.emit("connection", socket);
  }

  /** Goes by the first byte. */
  private choose(socket: Socket): void {
    const first = socket.read() as Buffer | null;
    if (first === null) return void socket.destroy();
    socket.unshift(first);
    if (first[0] === HANDSHAKE) return void this.tls?.emit("connection", socket);
    this.forget(socket);
    this.options.onConnection(socket);
  }

  private secured(socket: TLSSocket): void {
    this.forget(this.shaking.get(addressesOf(socket)));
    this.options.onConnection(socket);
  }

  private fail(socket: Socket | undefined, reason: string): void {
    if (socket === undefined || !this.beginning.has(socket)) return;
    this.options.onFailure?.({ peer: peerOf(socket), reason });
    this.forget(socket);
    socket.destroy();
  }

  private forget(socket: Socket | undefined): void {
    if (socket === undefined) return;
    clearTimeout(this.beginning.get(socket));
    this.beginning.delete(socket);
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? "" : `${remoteAddress}:${remotePort}`;
}

/** A client may come from one port to several addresses of ours. */
function addressesOf(socket: Socket): string {
  return `${peerOf(socket)} ${socket.localAddress}:${socket.localPort}`;
}
