import type { Socket } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compileFilter } from "../../filters/testing/assembly.ts";
import { binaryProvider, cluster, connectionManager, envoyTarget, httpWasm, listener, stringValue } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { startRawServer } from "./ext-authz/raw-server.ts";

// External authorisers that break HTTP itself, which no scripted server does. Each request must be denied, and Envoy go on.

const send = (text: string) => (socket: Socket) => void socket.write(text, "latin1");
const end = (text: string) => (socket: Socket) => void socket.end(text, "latin1");

/** An HTTP/2 frame (RFC 9113, section 4.1). */
function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

const END_STREAM = 1;
const END_HEADERS = 4;
const SETTINGS = frame(4, 0, 0, new Uint8Array(0));
/** `:status: 200` (static table), `content-type: application/grpc` (literal, never indexed). */
const HEADERS = Buffer.concat([Buffer.of(0x88, 0x0f, 0x10, 16), Buffer.from("application/grpc")]);
/** `grpc-status: 0` */
const TRAILERS = Buffer.concat([Buffer.of(0, 11), Buffer.from("grpc-status"), Buffer.of(1), Buffer.from("0")]);
const OK = Buffer.of(0, 0, 0, 0, 2, 0x0a, 0);

/** Answers the first request with these bytes as the body of a gRPC answer. */
const grpc = (body: Uint8Array, trailers: Uint8Array | undefined) => (socket: Socket) => {
  const parts = [SETTINGS, frame(1, END_HEADERS, 1, HEADERS), frame(0, trailers === undefined ? END_STREAM : 0, 1, body)];
  if (trailers !== undefined) parts.push(frame(1, END_HEADERS | END_STREAM, 1, trailers));
  socket.write(Buffer.concat(parts));
};

test.for<readonly [string, "envoyExtAuthzHttp" | "envoyExtAuthzGrpc", (socket: Socket) => void, number?]>([
  ["a good answer, so that the others can be told from it", "envoyExtAuthzHttp", send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), 200],
  ["nothing, for ever", "envoyExtAuthzHttp", () => undefined],
  ["nothing, and the end", "envoyExtAuthzHttp", end("")],
  ["no HTTP", "envoyExtAuthzHttp", end("220 mail.example ESMTP\r\n")],
  ["half of a status line", "envoyExtAuthzHttp", end("HTTP/1.1 200 O")],
  ["a length that promises more", "envoyExtAuthzHttp", end("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nyes")],
  ["a length that promises more, for ever", "envoyExtAuthzHttp", send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nyes")],
  ["a length that is none", "envoyExtAuthzHttp", send("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n")],
  ["two lengths", "envoyExtAuthzHttp", send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 0\r\n\r\nyes")],
  ["a length beside chunks", "envoyExtAuthzHttp", send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nyes")],
  ["a chunk that ends too early", "envoyExtAuthzHttp", end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nyes")],
  ["headers without end", "envoyExtAuthzHttp", send(`HTTP/1.1 200 OK\r\n${"x-a: b\r\n".repeat(200_000)}`)],
  ["a header of a megabyte", "envoyExtAuthzHttp", send(`HTTP/1.1 200 OK\r\nx-a: ${"b".repeat(1 << 20)}\r\ncontent-length: 0\r\n\r\n`)],
  ["a NUL in a header", "envoyExtAuthzHttp", send("HTTP/1.1 200 OK\r\nx-a: b\0c\r\ncontent-length: 0\r\n\r\n")],
  ["a status of four digits", "envoyExtAuthzHttp", end("HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n")],
  ["100 and no more", "envoyExtAuthzHttp", send("HTTP/1.1 100 Continue\r\n\r\n")],
  ["a good answer", "envoyExtAuthzGrpc", grpc(OK, TRAILERS), 200],
  ["HTTP/1.1", "envoyExtAuthzGrpc", send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")],
  ["nothing, for ever", "envoyExtAuthzGrpc", () => undefined],
  ["a good message and no grpc-status", "envoyExtAuthzGrpc", grpc(OK, undefined)],
  ["a good message and the end", "envoyExtAuthzGrpc", (socket) => void (grpc(OK, undefined)(socket), socket.end())],
  ["two good messages", "envoyExtAuthzGrpc", grpc(Buffer.concat([OK, OK]), TRAILERS), 200],
  ["half of a message", "envoyExtAuthzGrpc", grpc(OK.subarray(0, 6), TRAILERS)],
  ["a message of 4 GiB", "envoyExtAuthzGrpc", grpc(Buffer.of(0, 0xff, 0xff, 0xff, 0xff, 0x0a, 0), TRAILERS)],
  ["a message that says that it is compressed", "envoyExtAuthzGrpc", grpc(Buffer.of(1, 0, 0, 0, 2, 0x0a, 0), TRAILERS)],
  ["a flag that there is not", "envoyExtAuthzGrpc", grpc(Buffer.of(7, 0, 0, 0, 2, 0x0a, 0), TRAILERS)],
])("an authoriser that sends %s (%s)", async ([, kind, respond, expected = 503], context) => {
  await requireTarget(envoyTarget, context);
  await using authoriser = await startRawServer(respond);
  const filename = await compileFilter(join(import.meta.dirname, "../../filters/authorization/index.ts"));
  const configuration = {
    extensionProviders: [{ name: "p", [kind]: { cluster: "authoriser", timeout: "300ms", statusOnError: "503" } }],
    policies: [{ name: "c", action: "CUSTOM", provider: { name: "p" }, rules: [{}] }],
  };
  const authorization = httpWasm({
    name: "authorization",
    vm_config: { vm_id: "authorization", runtime: "envoy.wasm.runtime.v8", code: { local: { filename } } },
    failure_policy: "FAIL_CLOSED",
    configuration: stringValue(JSON.stringify(configuration)),
  });
  const host = { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] };
  const manager = connectionManager({ stat_prefix: "main" }, [authorization], [host]);
  const protocol = kind === "envoyExtAuthzHttp" ? "http1" : "http2";
  await using envoy = await binaryProvider.start({
    static_resources: {
      listeners: [listener("main", [{ filters: [manager] }])],
      clusters: [cluster("authoriser", "127.0.0.1", authoriser.port, { protocol })],
    },
  });
  for (let i = 0; i < 2; i++) {
    const answer = await fetch(`http://127.0.0.1:${envoy.address("main").port}/`);
    // Of the gRPC servers only the first stream of a connection is answered.
    if (i === 0 || expected === 503) expect(answer.status).toBe(expected);
  }
});
