import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";

/** Where connections go: an address (default: of 127.0.0.1), or a socket of the file system. */
export type Place = ({ readonly host?: string; readonly port: number } | { readonly path: string }) & {
  /** TLS, with a certificate of one's own (`cert`, `key`) where the other side asks for one. Default: for `https:`, with this machine's authorities. */
  readonly tls?: ConnectionOptions;
  /** Sent first on every connection: a header of the PROXY protocol. Default: nothing. */
  readonly preface?: Uint8Array;
};

/** Somebody whose requests take a way of their own: a workload's go to its sidecar. */
export interface Caller {
  place(url: URL): Place;
}

export type Protocol = "http/1.1" | "h2";

/** Where requests for `url` connect to. */
export function placeOf(url: URL, via: Place | Caller | undefined): Place {
  const place = via === undefined ? direct(url) : "place" in via ? via.place(url) : via;
  return url.protocol === "https:" && place.tls === undefined ? { ...place, tls: { servername: url.hostname } } : place;
}

function direct(url: URL): Place {
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port };
}

/** A connection that is being made. `ready` is called when it is, once and with no error, or with what went wrong. */
export function open(place: Place, protocol: Protocol, ready: (error: Error | undefined, socket: Socket) => void): Socket {
  const plain = "path" in place ? connect(place.path) : connect({ host: place.host ?? "127.0.0.1", port: place.port, noDelay: true });
  if (place.preface !== undefined) plain.write(place.preface);
  const socket = place.tls === undefined ? plain : connectTls({ ALPNProtocols: [protocol], ...place.tls, socket: plain });
  // More than one error may come of one connection; `ready` hears of the first.
  for (const each of [plain, socket]) each.on("error", () => undefined);
  const made = place.tls === undefined ? "connect" : "secureConnect";
  const done = (error?: Error) => {
    plain.off("error", done);
    socket.off("error", done).off("close", closed).off(made, succeeded);
    ready(error, socket);
  };
  const succeeded = () => done();
  const closed = () => done(new Error("closed while the connection was made"));
  socket.once("error", done).once("close", closed).once(made, succeeded);
  if (socket !== plain) plain.once("error", done);
  return socket;
}
