import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { Http2Connection } from "./http2.ts";
import { encodeHeaderBlock } from "./http2-frames.ts";

const END_STREAM = 1;
const END_HEADERS = 4;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** What Envoy 1.36 sends behind its early answer, about once in a hundred times, where trailers of the request come then: RST_STREAM with NO_ERROR, and GOAWAY with PROTOCOL_ERROR. */
const RESET = frame(3, 0, 1, Buffer.alloc(4));
const GOAWAY = frame(7, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]));
const SETTINGS = frame(4, 0, 0, Buffer.alloc(0));
const HEADERS = frame(1, END_HEADERS, 1, encodeHeaderBlock([[":status", "418"]]));

/** Whether a HEADERS frame stands in what a client sent, behind its preface. */
function hasHeaders(bytes: Buffer): boolean {
  for (let at = 24; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) if (bytes[at + 3] === 1) return true;
  return false;
}

/** What a client gets from a server that answers the headers of a request with these frames, and closes. */
async function answered(...frames: readonly Buffer[]) {
  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.write(SETTINGS);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (socket.writable && hasHeaders(received)) socket.end(Buffer.concat(frames));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  const client = new Http2Connection(socket, 1);
  const pieces = [Buffer.from("body")];
  const request = { method: "POST", scheme: "http", authority: "a", path: "/", headers: [], pieces, streamed: false };
  const response = await client.exchange({ ...request, trailers: [["x-t", "1"]] });
  client.close();
  server.close();
  return response;
}

test("an answer that came to its end before the connection broke is one", async () => {
  const response = await answered(HEADERS, frame(0, END_STREAM, 1, Buffer.from("whole")), RESET, GOAWAY);
  expect(response).toMatchObject({ status: 418, headers: [], trailers: [] });
  expect(response?.body.toString()).toBe("whole");
});

test("an answer whose end did not come before that is none", async () => {
  expect(await answered(HEADERS, frame(0, 0, 1, Buffer.from("half")), RESET, GOAWAY)).toBeUndefined();
});
