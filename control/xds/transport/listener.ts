import type { Server as NetServer } from "node:net";
import { TLSSocket } from "node:tls";
import {
  Server,
  ServerCredentials,
  status,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from "@grpc/grpc-js";
import type { ServerCertificate } from "../../tls/index.ts";
import { type StreamStatus, XdsError, type XdsServer } from "../server/index.ts";
import { serveCall, type BytesCall, type DiscoveryCall } from "./call.ts";
import { clientStatus } from "./client-status.ts";
import { type PlainHandler, servePlainRequests } from "./http.ts";
import { serialize, shareBodies } from "./message.ts";
import { CLIENT_STATUS, DISCOVERY_METHODS, REFUSED_METHODS } from "./services.ts";
import { type ConnectionFailure, Sockets } from "./sockets.ts";

export interface ListenOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** 0 is any free one. Default: 15010, as istiod's. */
  readonly port?: number;
  /** Path of a Unix socket to listen on instead, for who shares this machine. */
  readonly path?: string;
  /** For TLS. Default: none, which is for loopback only. */
  readonly certificate?: ServerCertificate;
  /** Whether clients may come without TLS. Default: where there is no `certificate`; with it, both are spoken on the one address. */
  readonly plaintext?: boolean;
  /** Milliseconds within which a client has said whether it speaks TLS, and TLS has begun. Default: 10,000. */
  readonly handshakeTimeout?: number;
  /** Connections that may be that far at once; one more ends the oldest of them. Default: 5,000. */
  readonly handshakes?: number;
  /** Of which clients' status (CSDS) a client may know, by what is known of its connection; rejects with an XdsError where of none. Default: of all in plain text, of none over TLS. */
  readonly visibleTo?: (credentials: unknown) => Promise<(status: StreamStatus) => boolean>;
  /** Hears why a connection came to nothing. Default: nobody. */
  readonly onFailure?: (failure: ConnectionFailure) => void;
  /** Bytes of a request above which its call ends with `RESOURCE_EXHAUSTED`. Default: 4 MiB, some 40,000 names. */
  readonly maxRequest?: number;
  /** Milliseconds without a sign of life after which a client is asked for one. Default: 30,000. */
  readonly keepalive?: number;
  /** Milliseconds that the client may take for it; then its connection is cut. Default: 10,000. */
  readonly keepaliveTimeout?: number;
  /** Milliseconds for which a client may be connected without a call; each holds a file descriptor, whoever it is. Default: 60,000. */
  readonly idle?: number;
  /** What is served on the same address beside xDS. Default: nothing. */
  readonly services?: readonly GrpcService[];
  /** Answers requests that are no calls of gRPC. Default: 415, as gRPC has it. */
  readonly http?: PlainHandler;
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
  private readonly sockets: Sockets;

  private constructor(grpc: Server, sockets: Sockets) {
    this.grpc = grpc;
    this.sockets = sockets;
    const address = sockets.server.address();
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
      "grpc.max_connection_idle_ms": options.idle ?? 60_000,
      "grpc.enable_channelz": 0,
      interceptors: [shareBodies],
    });
    // TLS is over by the time that gRPC has a connection.
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
    const { certificate, plaintext = certificate === undefined, handshakeTimeout, handshakes, onFailure } = options;
    const sockets = new Sockets({
      certificate,
      plaintext,
      ...(handshakeTimeout !== undefined && { handshakeTimeout }),
      ...(handshakes !== undefined && { handshakes }),
      ...(onFailure !== undefined && { onFailure }),
      onConnection: (socket) => {
        if (socket instanceof TLSSocket) showCertificate(socket);
        injector.injectConnection(socket);
      },
    });
    register(grpc, server, (peer) => sockets.cut(peer));
    registerClientStatus(grpc, server, options.visibleTo ?? visibleInPlaintext);
    for (const { definition, implementation } of options.services ?? []) grpc.addService(definition, implementation);
    if (options.http !== undefined) servePlainRequests(grpc, options.http);
    await listen(sockets.server, options);
    return new XdsListener(grpc, sockets);
  }

  /** Stops listening and cuts every connection; the streams of the server end with them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.sockets.server.close(() => resolve()));
    this.grpc.forceShutdown();
    this.sockets.end();
    await closed;
  }
}

async function listen(server: NetServer, { path, host = "127.0.0.1", port = 15010 }: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...(path === undefined ? { host, port } : { path }), backlog: BACKLOG }, resolve);
  });
}

/**
 * Has a call know whatever certificate its client has shown, with those that came with it. By itself grpc-js 1.14 tells of it only where Node calls the connection authorized, and says of any other what it
 * says of one in plain text, which on loopback is believed. Whose certificate counts is decided by who reads it.
 */
function showCertificate(socket: TLSSocket): void {
  const chain = socket.getPeerCertificate.bind(socket);
  socket.getPeerCertificate = () => chain(true);
  socket.authorized = true;
}

function register(grpc: Server, server: XdsServer, cut: (peer: string) => void): void {
  for (const method of DISCOVERY_METHODS) {
    const handle = (call: DiscoveryCall) => {
      // A call that has ended does not know it any more.
      const peer = call.getPeer();
      serveCall(server, method, call, () => cut(peer));
    };
    grpc.register(method.path, handle, serialize, (bytes: Buffer) => bytes, "bidi");
  }
  for (const [path, reason] of REFUSED_METHODS) {
    const refuse = (call: DiscoveryCall) => void call.emit("error", { code: status.UNIMPLEMENTED, details: reason });
    grpc.register(path, refuse, serialize, (bytes: Buffer) => bytes, "bidi");
  }
}

function registerClientStatus(grpc: Server, server: XdsServer, visibleTo: NonNullable<ListenOptions["visibleTo"]>): void {
  const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const statusFor = async (bytes: Buffer, credentials: unknown) => clientStatus(server, bytes, await visibleTo(credentials));
  const handleStream = (call: BytesCall): void => {
    const credentials = call.getAuthContext();
    call.on("data", (bytes: Buffer) => {
      call.pause();
      statusFor(bytes, credentials).then(
        (answer) => {
          call.write(answer);
          call.resume();
        },
        (error: unknown) => void call.emit("error", failureOf(error)),
      );
    });
    call.on("end", () => call.end());
  };
  const handleFetch = (call: ServerUnaryCall<Buffer, Uint8Array>, callback: sendUnaryData<Uint8Array>) =>
    void statusFor(call.request, call.getAuthContext()).then(
      (bytes) => callback(null, bytes),
      (error: unknown) => callback(failureOf(error)),
    );
  grpc.register(
    CLIENT_STATUS.stream,
    (call: BytesCall) => void handleStream(call),
    asBuffer,
    (bytes: Buffer) => bytes,
    "bidi",
  );
  grpc.register(CLIENT_STATUS.fetch, handleFetch, asBuffer, (bytes: Buffer) => bytes, "unary");
}

async function visibleInPlaintext(credentials: unknown): Promise<() => boolean> {
  const isPlaintext = (credentials as { readonly transportSecurityType?: string }).transportSecurityType === undefined;
  return () => isPlaintext;
}

function failureOf(thrown: unknown): { readonly code: status; readonly details: string } {
  const { code, message } = XdsError.from(thrown);
  return { code: status[code], details: message };
}
