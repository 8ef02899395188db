import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Http1Connection, NOT_BEGUN } from "./http1.ts";
import type { ClientRequest } from "./message.ts";

const EMPTY = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

const get = (path: string, more: Partial<ClientRequest> = {}): ClientRequest => ({
  ...{ method: "GET", scheme: "http", authority: "a.example", path, headers: [], pieces: [], streamed: false, trailers: [] },
  ...more,
});

/** A client's connection, and the end of it that a test answers on. */
async function pair(): Promise<{ readonly client: Http1Connection; readonly server: Socket; readonly received: () => string }> {
  const listening = createServer().listen(0, "127.0.0.1");
  await once(listening, "listening");
  const socket = connect((listening.address() as AddressInfo).port, "127.0.0.1");
  const [server] = (await once(listening, "connection")) as [Socket];
  let text = "";
  server.on("data", (chunk: Buffer) => (text += chunk.toString()));
  server.on("error", () => undefined);
  onTestFinished(() => {
    socket.destroy();
    server.destroy();
    listening.close();
  });
  return { client: new Http1Connection(socket, 0), server, received: () => text };
}

test("answers to requests that were sent behind each other are told apart, however they come", async () => {
  const { client, server, received } = await pair();
  const first = client.exchange(get("/1"));
  expect(client.followable).toBe(true);
  const second = client.follow(get("/2", { method: "HEAD" }));
  const third = client.follow(get("/3"));
  await expect.poll(received).toMatch(/\/1[^]*\/2[^]*\/3[^]*\r\n\r\n$/);
  const head = "HTTP/1.1 204 No Content\r\nx: 2\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nth";
  server.write(`HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none${head}`);
  expect((await first)?.body.toString()).toBe("one");
  expect(await second).toMatchObject({ status: 204, headers: [["x", "2"]] });
  server.write("ree");
  const last = await third;
  expect(last).toMatchObject({ status: 200 });
  expect(typeof last === "object" && last.body.toString()).toBe("three");
  expect(client.reusable).toBe(true);
});

test.for([
  ["says that it is the last", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", true],
  ["ends with the connection", "HTTP/1.1 200 OK\r\n\r\nto the end", true],
  ["breaks off", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\non", false],
  ["does not come", "", false],
] as const)("requests have not begun behind one whose answer %s", async ([, answer, whole]) => {
  const { client, server } = await pair();
  const first = client.exchange(get("/1"));
  const others = [client.follow(get("/2")), client.follow(get("/3"))];
  server.end(answer);
  expect((await first) !== undefined).toBe(whole);
  expect(await Promise.all(others)).toEqual([NOT_BEGUN, NOT_BEGUN]);
});

test("a request has begun, and no answer, where the connection ends behind a whole answer", async () => {
  const { client, server } = await pair();
  const first = client.exchange(get("/1"));
  const second = client.follow(get("/2"));
  server.end(EMPTY);
  expect(await first).toMatchObject({ status: 200 });
  expect(await second).toBeUndefined();
});

test.for([
  ["whose length is its own", { headers: [["Content-Length", "1"]], pieces: [Buffer.from("abc")] }],
  ["that is sent in pieces", { pieces: [Buffer.from("a"), Buffer.from("b")] }],
  ["whose length is not told", { streamed: true }],
  ["that asks for the end of its connection", { headers: [["connection", "close"]] }],
  ["that asks for another protocol", { headers: [["upgrade", "websocket"]] }],
  ["that asks for a tunnel", { method: "CONNECT" }],
  ["with a line break that ends it", { headers: [["x", "1\r\n\r\nGET / HTTP/1.1"]] }],
  ["with a line break that hides its length", { path: "/ HTTP/1.1\r\ncontent-length: 9\r\nx:" }],
] satisfies ReadonlyArray<readonly [string, Partial<ClientRequest>]>)("nothing is sent behind a request %s", async ([, request]) => {
  const { client, server } = await pair();
  void client.exchange(get("/", request));
  expect(client.followable).toBe(false);
  server.end();
});
