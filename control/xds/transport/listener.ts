import { createServer, type Server as NetServer, type Socket } from "node:net";
import {
  Server,
  ServerCredentials,
  status,
  type ConnectionInjector,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { XdsError, type XdsServer } from "../server/index.ts";
import { serveCall, type BytesCall, type DiscoveryCall } from "./call.ts";
import { clientStatus } from "./client-status.ts";
import { serialize, shareBodies } from "./message.ts";
import { CLIENT_STATUS, DISCOVERY_METHODS, REFUSED_METHODS } from "./services.ts";

export interface ListenOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** 0 is any free one. Default: 15010, as istiod's. */
  readonly port?: number;
  /** Path of a Unix socket to listen on instead, for who shares this machine. */
  readonly path?: string;
  /** For TLS. Default: none, which is for loopback only. */
  readonly credentials?: ServerCredentials;
  /** Whether clients may come without TLS. Default: where there are no `credentials`; with them, both are spoken on the one address. */
  readonly plaintext?: boolean;
  /** Bytes of a request above which its call ends with `RESOURCE_EXHAUSTED`. Default: 4 MiB, some 40,000 names. */
  readonly maxRequest?: number;
  /** Milliseconds without a sign of life after which a client is asked for one. Default: 30,000. */
  readonly keepalive?: number;
  /** Milliseconds that the client may take for it; then its connection is cut. Default: 10,000. */
  readonly keepaliveTimeout?: number;
  /** What is served on the same address beside xDS. Default: nothing. */
  readonly services?: readonly GrpcService[];
}

/** A service of gRPC with its implementation. */
export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** Envoy opens a stream for each cluster where endpoints do not come over the aggregated one. */
const STREAMS_PER_CONNECTION = 10_000;

/**
 * Connections that wait to be taken, as many as the system allows (Linux: `net.core.somaxconn`). Node's own 511 are full when a thousand proxies return at once; the system then drops
 * what completes a connection, and a proxy that believes itself connected waits for seconds, or is cut.
 */
const BACKLOG = 65_535;

/**
 * xDS over gRPC on one address. It owns its sockets: a client that does not read cannot be told that its call has ended, only cut off.
 */
export class XdsListener implements AsyncDisposable {
  /** Where clients reach it; a Unix socket has its path for a host, and port 0. */
  readonly host: string;
  readonly port: number;
  private readonly grpc: Server;
  private readonly injectors: readonly ConnectionInjector[];
  private readonly net: NetServer;
  private readonly sockets: ReadonlyMap<string | symbol, Socket>;

  private constructor(
    grpc: Server,
    injectors: readonly ConnectionInjector[],
    net: NetServer,
    sockets: ReadonlyMap<string | symbol, Socket>,
  ) {
    this.grpc = grpc;
    this.injectors = injectors;
    this.net = net;
    this.sockets = sockets;
    const address = net.address();
    if (address === null) throw new TypeError("not bound");
    [this.host, this.port] = typeof address === "string" ? [address, 0] : [address.address, address.port];
  }

  /** Listens. Rejects with the system's error where the address cannot be bound. */
  static async start(server: XdsServer, options: ListenOptions = {}): Promise<XdsListener> {
    const grpc = new Server({
      "grpc.max_receive_message_length": options.maxRequest ?? 4 * 1024 * 1024,
      // A response is as large as the configuration is.
      "grpc.max_send_message_length": -1,
      "grpc.max_concurrent_streams": STREAMS_PER_CONNECTION,
      "grpc.keepalive_time_ms": options.keepalive ?? 30_000,
      "grpc.keepalive_timeout_ms": options.keepaliveTimeout ?? 10_000,
      "grpc.enable_channelz": 0,
      interceptors: [shareBodies],
    });
    const sockets = new Map<string | symbol, Socket>();
    const cut = (peer: string) => sockets.get(peer)?.destroy();
    const plain = new WeakSet<Socket>();
    const comesInPlaintext = (peer: string) => {
      const socket = sockets.get(peer);
      // On a Unix socket nobody has a name, and nobody speaks TLS.
      return socket === undefined ? options.path !== undefined : plain.has(socket);
    };
    register(grpc, server, cut, comesInPlaintext);
    for (const { definition, implementation } of options.services ?? []) grpc.addService(definition, implementation);
    const { credentials, plaintext = credentials === undefined } = options;
    const injectors = {
      tls: credentials && grpc.createConnectionInjector(credentials),
      plaintext: plaintext ? grpc.createConnectionInjector(ServerCredentials.createInsecure()) : undefined,
    };
    const net = createServer({ noDelay: true }, (socket) => {
      // As `getPeer()` of a call names it; on a Unix socket nobody has a name, or is cut off by it.
      const peer = socket.remoteAddress === undefined ? Symbol("local") : `${socket.remoteAddress}:${socket.remotePort}`;
      sockets.set(peer, socket);
      socket.once("close", () => sockets.delete(peer));
      socket.on("error", () => undefined);
      if (plaintext && credentials !== undefined) void injectByFirstByte(socket, injectors, plain);
      else if (injectors.tls !== undefined) injectors.tls.injectConnection(socket);
      else inject(socket, injectors.plaintext, plain);
    });
    await new Promise<void>((resolve, reject) => {
      net.once("error", reject);
      const { path, host = "127.0.0.1", port = 15010 } = options;
      net.listen({ ...(path === undefined ? { host, port } : { path }), backlog: BACKLOG }, resolve);
    });
    return new XdsListener(
      grpc,
      Object.values(injectors).filter((each) => each !== undefined),
      net,
      sockets,
    );
  }

  /** Stops listening and cuts every connection; the streams of the server end with them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.net.close(() => resolve()));
    for (const injector of this.injectors) injector.destroy();
    this.grpc.forceShutdown();
    for (const socket of this.sockets.values()) socket.destroy();
    await closed;
  }
}

/** The first byte of every TLS connection, the type of its first record (RFC 8446, section 5.1); HTTP/2 without TLS begins with `PRI`. */
const HANDSHAKE = 0x16;

/** Milliseconds for that byte. */
const SILENCE = 10_000;

/** Hands a connection on as soon as its first byte says what it is; one that says nothing is cut off. */
async function injectByFirstByte(
  socket: Socket,
  { tls, plaintext }: { readonly tls: ConnectionInjector | undefined; readonly plaintext: ConnectionInjector | undefined },
  plain: WeakSet<Socket>,
): Promise<void> {
  socket.setTimeout(SILENCE, () => socket.destroy());
  const first = await new Promise<Buffer | undefined>((resolve) => {
    socket.once("close", () => resolve(undefined));
    socket.once("readable", () => resolve((socket.read() as Buffer | null) ?? undefined));
  });
  if (first === undefined) return void socket.destroy();
  socket.setTimeout(0);
  socket.removeAllListeners("timeout");
  socket.unshift(first);
  if (first[0] === HANDSHAKE) tls?.injectConnection(socket);
  else inject(socket, plaintext, plain);
}

function inject(socket: Socket, plaintext: ConnectionInjector | undefined, plain: WeakSet<Socket>): void {
  plain.add(socket);
  plaintext?.injectConnection(socket);
}

function register(grpc: Server, server: XdsServer, cut: (peer: string) => void, comesInPlaintext: (peer: string) => boolean): void {
  for (const method of DISCOVERY_METHODS) {
    const handle = (call: DiscoveryCall) => {
      // A call that has ended does not know it any more.
      const peer = call.getPeer();
      // What grpc-js says of a client whose certificate is missing or not good is what it says of one without TLS.
      const credentials = comesInPlaintext(peer) ? {} : { ...call.getAuthContext(), transportSecurityType: "ssl" };
      serveCall(server, method, call, credentials, () => cut(peer));
    };
    grpc.register(method.path, handle, serialize, (bytes: Buffer) => bytes, "bidi");
  }
  const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const handleStream = (call: BytesCall) => {
    call.on("data", (bytes: Buffer) =>
      answer(
        () => call.write(clientStatus(server, bytes)),
        (error) => void call.emit("error", error),
      ),
    );
    call.on("end", () => call.end());
  };
  const handleFetch = (call: ServerUnaryCall<Buffer, Uint8Array>, callback: sendUnaryData<Uint8Array>) => {
    answer(
      () => callback(null, clientStatus(server, call.request)),
      (error) => callback(error),
    );
  };
  grpc.register(CLIENT_STATUS.stream, handleStream, asBuffer, (bytes: Buffer) => bytes, "bidi");
  grpc.register(CLIENT_STATUS.fetch, handleFetch, asBuffer, (bytes: Buffer) => bytes, "unary");
  for (const [path, reason] of REFUSED_METHODS) {
    const refuse = (call: DiscoveryCall) => void call.emit("error", { code: status.UNIMPLEMENTED, details: reason });
    grpc.register(path, refuse, serialize, (bytes: Buffer) => bytes, "bidi");
  }
}

function answer(send: () => void, fail: (error: { readonly code: status; readonly details: string }) => void): void {
  try {
    send();
  } catch (thrown) {
    const { code, message } = XdsError.from(thrown);
    fail({ code: status[code], details: message });
  }
}
