import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { Connection } from "./running-proxy.ts";

export interface Question {
  /** Default: GET. */
  readonly method?: string;
  /** Default: `/`. */
  readonly path?: string;
  /** Default: that for which the connection is. */
  readonly host?: string;
  /** A repeated header stands once for each value. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

/** What an upstream saw of a request, as {@link echo} tells it. */
export interface Seen {
  /** The upstream's name. */
  readonly by: string;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** By name in lower case; values of a repeated header joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Told {
  /** 0: cut off without an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Undefined where no {@link echo} answered. */
  readonly seen: Seen | undefined;
  /** Milliseconds until the whole answer was there. */
  readonly elapsed: number;
}

/** Header of an upstream's answer whose body is what it saw. */
export const ECHO_HEADER = "x-echo";

/** One HTTP/1.1 request on a connection of its own. */
export async function ask(connection: Connection, question: Question): Promise<Told> {
  const { method = "GET", path = "/", host = "localhost", headers = [], body } = question;
  const began = performance.now();
  const sent = request({
    createConnection: () => open(connection),
    method,
    path,
    headers: ["Host", host, ...headers.flat(), ...(body === undefined ? [] : ["Content-Length", String(Buffer.byteLength(body))])],
    timeout: 20_000,
  });
  sent.on("timeout", () => sent.destroy(new Error(`${host}${path}: no answer within 20 s`)));
  sent.end(body);
  let response: IncomingMessage;
  try {
    [response] = (await once(sent, "response")) as [IncomingMessage];
  } catch (error) {
    if (error instanceof Error && "code" in error) return { status: 0, headers: {}, body: "", seen: undefined, elapsed: 0 };
    throw error;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const flat = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(", ")]));
  return {
    status: response.statusCode ?? 0,
    headers: flat,
    body: text,
    seen: ECHO_HEADER in flat ? (JSON.parse(text) as Seen) : undefined,
    elapsed: performance.now() - began,
  };
}

/** What is written goes out when the connection is there. */
function open({ port = 0, path, destination, tls }: Connection): Duplex {
  const socket = path === undefined ? connectTcp(port, "127.0.0.1") : connectTcp(path);
  if (destination !== undefined) {
    const at = destination.lastIndexOf(":");
    socket.write(`PROXY TCP4 10.9.9.9 ${destination.slice(0, at)} 40000 ${destination.slice(at + 1)}\r\n`);
  }
  return tls === undefined ? socket : connectTls({ ...tls, socket });
}
