import { once } from "node:events";
import { connect, createServer, type ClientHttp2Session, type Http2Server, type ServerHttp2Session } from "node:http2";

/** An upstream that takes every request and never answers, so that streams through Envoy stay open. */
export class SilentUpstream implements AsyncDisposable {
  readonly port: number;
  private readonly server: Http2Server;
  private readonly sessions: ReadonlySet<ServerHttp2Session>;

  private constructor(server: Http2Server, port: number, sessions: ReadonlySet<ServerHttp2Session>) {
    this.server = server;
    this.port = port;
    this.sessions = sessions;
  }

  static async start(): Promise<SilentUpstream> {
    const server = createServer({ settings: { maxConcurrentStreams: 10_000 } });
    const sessions = new Set<ServerHttp2Session>();
    server.on("session", (session) => {
      sessions.add(session);
      session.on("error", () => {});
      session.once("close", () => sessions.delete(session));
    });
    server.on("stream", (stream) => stream.on("error", () => {}));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the upstream has no port");
    return new SilentUpstream(server, address.port, sessions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.destroy();
    this.server.close();
  }
}

/** Open streams of one client, which end when it is disposed. */
export class HeldStreams implements AsyncDisposable {
  private readonly session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
  }

  /** Sends `count` requests to `/hold` on `port`, and waits until Envoy has read the last one. */
  static async open(port: number, count: number): Promise<HeldStreams> {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    await once(session, "connect");
    for (let i = 0; i < count; i++) session.request({ ":path": "/hold", "x-user": "alice-beta" }).on("error", () => {});
    // Envoy answers a ping after the frames before it.
    await new Promise<void>((resolve, reject) => session.ping((error) => (error === null ? resolve() : reject(error))));
    return new HeldStreams(session);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.destroy();
  }
}
