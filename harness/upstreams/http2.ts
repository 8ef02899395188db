import { constants, createServer, type Http2Server, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { HeaderList } from "../target/exchange.ts";
import { GRPC_RESPONSE_HEADERS, GRPC_TRAILERS } from "../target/defaults.ts";
import { frameMessage } from "../target/body.ts";
import { sendPieces } from "./pieces.ts";
import { bytesOf, headerOf, pairsOf, toWire } from "./wire.ts";
import { wait, type RecordedRequest, type Serve, type UpstreamAnswer } from "./upstream.ts";

/** A header that should come once may be scripted twice (`strictSingleValueFields`: Node 24.11 and later; @types/node lacks it). */
const OPTIONS = {
  maxHeaderListPairs: 65_535,
  maxSendHeaderBlockLength: 4 * 1024 * 1024,
  settings: { maxHeaderListSize: 4 * 1024 * 1024 },
  // One for each stream that waits for its answer.
  maxOutstandingPings: 65_535,
  strictSingleValueFields: false,
};

/** The HTTP/2 part of an upstream (prior knowledge, no TLS), gRPC included. It listens nowhere: connections are handed to it. */
export function http2Server(serve: Serve): Http2Server {
  const server = createServer(OPTIONS);
  server.on("stream", (stream, _headers, _flags, rawHeaders: string[]) => {
    const chunks: Buffer[] = [];
    let trailers: HeaderList = [];
    stream.on("error", () => stream.close());
    stream.on("trailers", (_trailers: unknown, _flags: number, raw: string[]) => (trailers = pairsOf(raw)));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      // Envoy 1.36 resets with NO_ERROR what its client gave up, which is the end for Node as well.
      if (stream.closed) return;
      const recorded = recordOf(pairsOf(rawHeaders), Buffer.concat(chunks), trailers);
      const answer = async () => respond(stream, await serve(recorded), recorded);
      answer().catch(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    });
  });
  server.on("sessionError", () => undefined);
  return server;
}

function recordOf(headers: HeaderList, body: Buffer, trailers: HeaderList): RecordedRequest {
  const grpc = headerOf(headers, "content-type")?.startsWith("application/grpc") === true;
  return {
    protocol: grpc ? "grpc" : "h2",
    method: headerOf(headers, ":method") ?? "",
    authority: headerOf(headers, ":authority") ?? headerOf(headers, "host") ?? "",
    path: headerOf(headers, ":path") ?? "",
    scheme: headerOf(headers, ":scheme") ?? "",
    headers: headers.filter(([name]) => !name.startsWith(":")),
    body,
    trailers,
  };
}

/** Sends what is scripted; to a gRPC request also its content type, framing and status. */
async function respond(stream: ServerHttp2Stream, answer: UpstreamAnswer, request: RecordedRequest): Promise<void> {
  await wait(answer.delay);
  if (stream.destroyed || stream.closed) return;
  // The connection, as over HTTP/1.1: what a crashed server looks like.
  if (answer.reset === "before-headers") return stream.session?.destroy();
  const grpc = request.protocol === "grpc";
  const messages = answer.messages ?? (answer.body === undefined || answer.body === "" ? [] : [answer.body]);
  const whole = Buffer.concat(messages.map((message) => (grpc ? frameMessage(bytesOf(message)) : bytesOf(message))));
  const pieces = (answer.chunks?.map(bytesOf) ?? [whole]).filter((piece) => piece.length > 0);
  const scripted = answer.headers ?? [];
  const status = answer.status ?? 200;
  const hasGrpcStatus = headerOf([...scripted, ...(answer.trailers ?? [])], "grpc-status") !== undefined;
  const trailers = [...(answer.trailers ?? []), ...(grpc && !hasGrpcStatus ? GRPC_TRAILERS : [])];
  const headers = grpc ? withDefaults(scripted, GRPC_RESPONSE_HEADERS) : [...scripted];
  const bodiless = request.method === "HEAD" || status < 200 || status === 204 || status === 304;
  // What has no body is over with its headers.
  const isOpen = answer.reset !== undefined || (answer.withoutEnd !== undefined && !bodiless);
  const streamed = grpc || answer.chunks !== undefined || trailers.length > 0 || isOpen;
  if (!streamed && !bodiless && headerOf(scripted, "content-length") === undefined) headers.push(["content-length", String(whole.length)]);

  const endStream = !isOpen && trailers.length === 0 && (bodiless || pieces.length === 0);
  if (trailers.length > 0 && !isOpen) stream.on("wantTrailers", () => sendTrailers(stream, trailers));
  // Closing a stream ends its body first; only where trailers are awaited is no END_STREAM sent, which would make a reset answer whole.
  const waitForTrailers = trailers.length > 0 || isOpen;
  // @types/node lacks sendDate.
  const options = { endStream, waitForTrailers, sendDate: false };
  stream.respond({ ":status": status, ...objectOf(headers) }, options);
  if (endStream) return;
  const sent = bodiless ? [] : answer.reset !== undefined && pieces.length === 0 ? [Buffer.from("partial")] : pieces;
  if (!isOpen && answer.chunks === undefined) return void stream.end(sent[0]);
  if (!(await sendPieces(stream, sent))) return;
  if (answer.reset !== undefined) stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
  else if (isOpen) answer.withoutEnd?.();
  else stream.end();
}

/** Trailers that Node does not send are a fault of this server's, as headers are. */
function sendTrailers(stream: ServerHttp2Stream, trailers: HeaderList): void {
  try {
    stream.sendTrailers(objectOf(trailers));
  } catch {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

function withDefaults(headers: HeaderList, defaults: HeaderList): Array<readonly [string, string]> {
  return [...headers, ...defaults.filter(([name]) => headerOf(headers, name) === undefined)];
}

/** Node takes repeated headers as an array. */
function objectOf(headers: HeaderList): OutgoingHttpHeaders {
  const object: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const before = object[key];
    object[key] = before === undefined ? toWire(value) : [...(Array.isArray(before) ? before : [before]), toWire(value)];
  }
  return object;
}
