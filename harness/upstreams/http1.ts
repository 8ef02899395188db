import { STATUS_CODES, validateHeaderName, validateHeaderValue } from "node:http";
import type { Socket } from "node:net";
import type { HeaderList } from "../target/exchange.ts";
import { framingOf, Http1Reader, type Http1Message, type ReadHead } from "./http1-reader.ts";
import { wait, type RecordedRequest, type Serve, type UpstreamAnswer } from "./upstream.ts";
import { bytesOf, headerOf, toWire } from "./wire.ts";

// Not \S: a byte of UTF-8 may be white space of JavaScript.
const REQUEST_LINE = /^([^ ]+) ([^ ]+) HTTP\/1\.[01]$/;
const UPGRADE = /(^|,)\s*upgrade\s*(,|$)/;
const CLOSE = /(^|,)\s*close\s*(,|$)/;
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const EMPTY = Buffer.alloc(0);

/**
 * Serves the requests of a connection, one after the other. Not by `node:http`: it takes several times as long for a request as to read a head and to write one,
 * which is a large part of a request's way through a real Envoy.
 *
 * @param upgrade takes a connection over, from a request on that asks for another protocol
 */
export function serveHttp1(socket: Socket, serve: Serve, upgrade: (socket: Socket) => void): void {
  const readHead: ReadHead = (start, headers) => {
    const body = bodyOf(start, headers);
    // A client that asks so may send no body before it is told to (RFC 9110, section 10.1.1).
    if (body !== undefined && body !== 0 && headerOf(headers, "expect")?.toLowerCase() === "100-continue") socket.write(CONTINUE);
    return body;
  };
  let reader = new Http1Reader(readHead);
  let serving = false;
  let early: Buffer = EMPTY;
  const take = (bytes: Buffer) => {
    if (serving) {
      early = Buffer.concat([early, bytes]);
      socket.pause();
      return;
    }
    const message = reader.read(bytes);
    if (reader.failed) {
      socket.off("data", take).write("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
      socket.destroySoon();
    }
    if (message === undefined) return;
    if (asksForUpgrade(message.headers)) {
      socket.off("data", take);
      socket.unshift(Buffer.concat([reader.head, reader.rest]));
      upgrade(socket);
      return;
    }
    serving = true;
    early = reader.rest;
    reader = new Http1Reader(readHead);
    exchange(socket, serve, message).then(
      () => {
        serving = false;
        const next = early;
        early = EMPTY;
        if (socket.isPaused()) socket.resume();
        if (next.length > 0) take(next);
      },
      () => socket.destroy(),
    );
  };
  socket.on("data", take);
}

const bodyOf: ReadHead = (start, headers) => {
  // Nobody wants a tunnel here.
  if (!REQUEST_LINE.test(start) || start.startsWith("CONNECT ")) return undefined;
  const { chunked, length = "0" } = framingOf(headers);
  if (chunked) return "chunked";
  return /^\d+$/.test(length) ? Number(length) : undefined;
};

function asksForUpgrade(headers: HeaderList): boolean {
  return headerOf(headers, "upgrade") !== undefined && UPGRADE.test(framingOf(headers).connection);
}

/** Rejects where the connection has to be cut. */
async function exchange(socket: Socket, serve: Serve, message: Http1Message): Promise<void> {
  const request = recordOf(message);
  const answer = await serve(request);
  if (answer.delay !== undefined) await wait(answer.delay);
  if (answer.reset === "before-headers") {
    socket.resetAndDestroy();
    return;
  }
  const { head, body, close } = answerBytes(answer, request.method);
  socket.cork();
  socket.write(head, "latin1");
  if (body.length > 0) socket.write(body);
  socket.uncork();
  if (answer.reset !== undefined) {
    await wait(20);
    throw new Error("the script resets the stream");
  }
  if (close || isLast(message)) socket.destroySoon();
}

/** The record of a request whose first line and headers came over HTTP/1.1. */
export function recordOf({ start, headers, body, trailers }: Http1Message): RecordedRequest {
  const [, method = "", target = ""] = REQUEST_LINE.exec(start) ?? [];
  const others: Array<readonly [string, string]> = [];
  let authority: string | undefined;
  for (const header of headers) {
    if (header[0].length === 4 && header[0].toLowerCase() === "host") authority ??= header[1];
    else others.push(header);
  }
  const path = Buffer.from(target, "latin1").toString("utf8");
  return { protocol: "http/1.1", method, authority: authority ?? "", path, headers: others, body, trailers };
}

/** Whether no other request follows (RFC 9112, section 9.3). */
function isLast({ start, headers }: Http1Message): boolean {
  const { connection } = framingOf(headers);
  return CLOSE.test(connection) || (start.endsWith("0") && !connection.includes("keep-alive"));
}

/** What is scripted, with `content-length`, or chunked before trailers and resets; nothing else. Throws where that is no message. */
function answerBytes(answer: UpstreamAnswer, method: string): { readonly head: string; readonly body: Buffer; readonly close: boolean } {
  const { status = 200, headers = [], trailers = [], reset } = answer;
  if (!Number.isInteger(status) || status < 100 || status > 999) throw new RangeError(`no status: ${status}`);
  const scripted = framingOf(headers);
  const bytes = bytesOf(answer.body);
  // Something has to follow the headers of what is reset, or both could be lost with the connection.
  const content = reset !== undefined && bytes.length === 0 ? Buffer.from("partial") : bytes;
  const bodiless = status < 200 || status === 204 || status === 304;
  const framed = bodiless || scripted.chunked || scripted.length !== undefined;
  const streamed = reset !== undefined || trailers.length > 0;
  const framing = framed ? "" : streamed ? "transfer-encoding: chunked\r\n" : `content-length: ${content.length}\r\n`;
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n${lines(headers)}${framing}\r\n`;
  const chunked = scripted.chunked || (streamed && !framed);
  const end = reset === undefined ? `0\r\n${lines(trailers)}\r\n` : "";
  const body = bodiless || method === "HEAD" ? EMPTY : chunked ? Buffer.concat([chunk(content), Buffer.from(end, "latin1")]) : content;
  return { head, body, close: CLOSE.test(scripted.connection) };
}

function chunk(bytes: Buffer): Buffer {
  return bytes.length === 0 ? bytes : Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

function lines(headers: HeaderList): string {
  let text = "";
  for (const [name, value] of headers) {
    const wire = toWire(value);
    validateHeaderName(name);
    validateHeaderValue(name, wire);
    text += `${name}: ${wire}\r\n`;
  }
  return text;
}
