import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Script, startUpstream } from "./index.ts";

const head = (...lines: readonly string[]) => `${lines.join("\r\n")}\r\n\r\n`;

/** Sends the pieces one by one, each when the one before has been read or answered, and returns what comes until the server closes. */
async function talk(script: Script, ...pieces: readonly string[]) {
  await using upstream = await startUpstream({ script });
  const socket = connect({ host: upstream.host, port: upstream.port, noDelay: true });
  let received = "";
  socket.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
  const closed = once(socket, "close");
  for (const piece of pieces) {
    socket.write(piece, "latin1");
    await sleep(1);
  }
  await closed;
  return { received, requests: [...upstream.requests] };
}

const CLOSE = "connection: close";

test("requests are read from pieces of any size, with a body by length or in chunks, and trailers", async () => {
  const sent = [
    head("POST /fixed HTTP/1.1", "Host: a", "X-One: 1", "x-one:\t2 ", "content-length: 5"),
    "hello",
    head("PUT /chunked?b=\xc3\xa0 HTTP/1.1", "host: b", "transfer-encoding: chunked", CLOSE),
    "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 1\r\n\r\n",
  ].join("");
  for (const pieces of [[sent], [...sent]]) {
    const { received, requests } = await talk(() => ({}), ...pieces);
    expect(received).toBe("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".repeat(2));
    expect(requests).toMatchObject([
      { method: "POST", path: "/fixed", authority: "a", trailers: [] },
      { method: "PUT", path: "/chunked?b=à", authority: "b", trailers: [["x-sum", "1"]] },
    ]);
    expect(requests.map(({ body }) => body.toString())).toEqual(["hello", "abcde"]);
    expect(requests[0]?.headers.slice(0, 2)).toEqual([
      ["X-One", "1"],
      ["x-one", "2"],
    ]);
  }
});

test("a value may end with a byte that is white space elsewhere", async () => {
  const { requests } = await talk(() => ({}), head("GET / HTTP/1.1", "x-a: voil\xc3\xa0", CLOSE));
  expect(requests[0]?.headers[0]).toEqual(["x-a", "voilà"]);
});

test("requests that come before the answer to the one before are answered in their order", async () => {
  let delay = 30;
  const script: Script = ({ path }) => ({ body: `<${path}>`, delay: (delay -= 10) });
  const requests = ["/1", "/2", "/3"].map((path) => head(`GET ${path} HTTP/1.1`, ...(path === "/3" ? [CLOSE] : [])));
  const { received } = await talk(script, requests[0] ?? "", requests.slice(1).join(""));
  expect(received.match(/<.*?>/g)).toEqual(["</1>", "</2>", "</3>"]);
});

test("a body is asked for where the client waits for that", async () => {
  const { received } = await talk(
    ({ body }) => ({ body: body.toString() }),
    head("POST / HTTP/1.1", "content-length: 2", "expect: 100-continue", CLOSE),
    "ok",
  );
  expect(received).toBe("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
});

test.each([
  ["HTTP/1.0", head("GET / HTTP/1.0")],
  ["a method of no standard", head("FROB / HTTP/1.1", CLOSE)],
  ["an upgrade that names no protocol", head("GET / HTTP/1.1", "upgrade: websocket", CLOSE)],
])("is served: %s", async (_, request) => {
  expect((await talk(() => ({}), request)).received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test.each([
  ["no HTTP", head("hello")],
  ["a tunnel", head("CONNECT a:80 HTTP/1.1")],
  ["a length that is none", head("POST / HTTP/1.1", "content-length: x")],
  ["a chunk without a size", head("POST / HTTP/1.1", "transfer-encoding: chunked") + "x\r\n"],
])("is refused, and the connection closed: %s", async (_, request) => {
  const { received, requests } = await talk(() => ({}), request);
  expect(received).toBe("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  expect(requests).toEqual([]);
});

test.each<[string, ReturnType<Script>, string, string]>([
  ["HEAD has the length alone", { body: "four" }, "HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"],
  ["204 has no body", { status: 204, body: "four" }, "GET", "HTTP/1.1 204 No Content\r\n\r\n"],
  [
    "a length that is scripted is sent",
    { headers: [["Content-Length", "2"]], body: "ok" },
    "GET",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  ],
  [
    "chunks that are scripted are sent",
    { headers: [["transfer-encoding", "chunked"]], body: "ok" },
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  ],
  [
    "trailers follow chunks",
    { status: 299, body: "ok", trailers: [["x-b", "à"]] },
    "GET",
    "HTTP/1.1 299 unknown\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-b: \xc3\xa0\r\n\r\n",
  ],
])("%s", async (_, answer, method, expected) => {
  expect((await talk(() => answer, head(`${method} / HTTP/1.1`, CLOSE))).received).toBe(expected);
});

test("a scripted close closes the connection", async () => {
  const { received } = await talk(() => ({ headers: [["connection", "close"]] }), head("GET / HTTP/1.1"));
  expect(received).toBe("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
});

test("a WebSocket may follow requests on its connection", async () => {
  await using upstream = await startUpstream();
  const socket = connect({ host: upstream.host, port: upstream.port });
  let received = "";
  socket.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
  const until = async (what: RegExp) => {
    while (!what.test(received)) await once(socket, "data");
  };
  socket.write(head("GET /1 HTTP/1.1"));
  await until(/200 OK/);
  const key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
  const upgrade = head("GET /2 HTTP/1.1", "connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13", key);
  // The first message comes with the request.
  socket.write(`${upgrade}\x81\x82\0\0\0\0hi`, "latin1");
  await until(/101 Switching Protocols[^]*\x81\x02hi$/);
  expect(upstream.requests).toMatchObject([{ path: "/1" }, { path: "/2", protocol: "websocket" }]);
  socket.destroy();
});
