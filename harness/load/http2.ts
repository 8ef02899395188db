import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from "node:http2";
import { type Channel, LoadAnswer, type LoadRequest, type Loss, lossOf, type Outcome } from "./exchange.ts";
import { open, type Place } from "./place.ts";

interface Session {
  readonly http2: ClientHttp2Session;
  readonly scheme: string;
  connected: boolean;
  /** Answers that came over it. */
  served: number;
  error: Error | undefined;
}

/** A connection of HTTP/2 for several channels, made anew where it was closed or is about to be (GOAWAY). */
export class Http2Connection {
  private readonly place: Place;
  private session: Session | undefined;

  constructor(place: Place) {
    this.place = place;
  }

  channel(): Channel {
    return new Http2Channel(this);
  }

  current(): Session {
    if (this.session === undefined || this.session.http2.closed || this.session.http2.destroyed) this.session = this.open();
    return this.session;
  }

  close(): void {
    this.session?.http2.destroy();
    this.session = undefined;
  }

  private open(): Session {
    const { place } = this;
    const session: Session = {
      scheme: place.tls === undefined ? "http" : "https",
      connected: false,
      served: 0,
      error: undefined,
      http2: connect("http://load", {
        createConnection: () =>
          open(place, "h2", (error) => {
            session.connected = error === undefined;
            session.error = error;
          }),
      }),
    };
    session.http2.on("error", (error: Error) => (session.error ??= error));
    return session;
  }
}

class Http2Channel implements Channel {
  private readonly connection: Http2Connection;
  private stream: ClientHttp2Stream | undefined;

  constructor(connection: Http2Connection) {
    this.connection = connection;
  }

  exchange({ method, path, authority, headers, body }: LoadRequest, done: (outcome: Outcome) => void): void {
    const session = this.connection.current();
    const sent: OutgoingHttpHeaders = { ":method": method, ":path": path, ":authority": authority, ":scheme": session.scheme };
    for (const [name, value] of headers) {
      const before = sent[name];
      sent[name] = before === undefined ? value : [before, value].flat().map(String);
    }
    const reused = session.served > 0;
    let stream: ClientHttp2Stream;
    try {
      stream = session.http2.request(sent, { endStream: body === undefined });
    } catch (error) {
      setImmediate(done, lossOf(error, { connected: session.connected, reused: false, begun: false }));
      return;
    }
    this.stream = stream;
    let status = 0;
    let received: LoadAnswer["headers"] = {};
    let failure: Error | undefined;
    let whole = false;
    const chunks: Buffer[] = [];
    stream.on("response", (fields) => {
      status = Number(fields[":status"]);
      received = fields;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => (whole = !stream.aborted));
    stream.on("error", (error: Error) => (failure = error));
    stream.on("close", () => {
      if (this.stream !== stream) return;
      this.stream = undefined;
      const code = stream.rstCode ?? constants.NGHTTP2_NO_ERROR;
      if (whole && status !== 0 && code === constants.NGHTTP2_NO_ERROR && !stream.aborted) {
        session.served++;
        done(new LoadAnswer(status, received, chunks));
      } else if (session.http2.destroyed || !session.connected) {
        done(lossOf(session.error ?? failure ?? CLOSED, { connected: session.connected, reused, begun: status !== 0 }));
      } else done(resetOf(code, status !== 0));
    });
    if (body !== undefined) stream.end(body);
  }

  abandon(): void {
    const { stream } = this;
    this.stream = undefined;
    stream?.close(constants.NGHTTP2_CANCEL);
  }

  close(): void {
    this.connection.close();
  }
}

/** In the form of undici's error for the same. */
const CLOSED = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });

/** RFC 9113, section 7, by number. */
const CODES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
] as const;

function resetOf(code: number, begun: boolean): Loss {
  const name = CODES[code] ?? String(code);
  return {
    reason: `${begun ? "answer cut off" : "no answer"}: stream reset (${name})`,
    retriable: code === constants.NGHTTP2_REFUSED_STREAM,
  };
}
