import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http2";
import { afterEach, expect, test } from "vitest";
import { Connection } from "./connection.ts";
import { inTurn, repeated, type Requests } from "./requests.ts";

const HEADERS = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "shop.example.com"],
  [":path", `/api/${"x".repeat(200)}`],
  ["accept", "application/json"],
  ["x-user", "alice-beta"],
] as const;

const cleanup: Array<() => void> = [];
afterEach(() => {
  for (const close of cleanup.splice(0)) close();
});

/** A server that remembers what it was asked and answers with `status`, and a body where one is given. */
async function serve(
  status: number | ((headers: IncomingHttpHeaders) => number),
  body = "",
): Promise<{ port: number; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer();
  server.on("session", (session) => cleanup.push(() => session.destroy()));
  server.on("stream", (stream, headers) => {
    seen.push(headers);
    stream.respond({ ":status": typeof status === "number" ? status : status(headers) }, { endStream: body === "" });
    if (body !== "") stream.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.push(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, seen };
}

test("a batch is that many requests, each with all the headers", async () => {
  const { port, seen } = await serve(200);
  await using connection = await Connection.open(port, repeated(HEADERS), 16);
  expect(seen).toHaveLength(1);
  expect(await connection.run()).toBeGreaterThan(0);
  await connection.run();
  expect(seen).toHaveLength(33);
  for (const headers of seen) expect(headers).toMatchObject(Object.fromEntries(HEADERS));
});

const withToken = (token: string) => [...HEADERS, ["authorization", `Bearer ${token}`]] as const;

test("requests that differ come in turn, with what they share and what they do not", async () => {
  const { port, seen } = await serve(200);
  const tokens = Array.from({ length: 6 }, (_, i) => `${i}${"t".repeat(800)}`);
  await using connection = await Connection.open(port, inTurn(tokens.map(withToken)), 4);
  for (let i = 0; i < 4; i++) await connection.run();
  expect(seen.map(({ authorization }) => authorization?.charAt(7)).join("")).toBe("0" + "0123450123450123");
  for (const headers of seen) expect(headers).toMatchObject(Object.fromEntries(HEADERS));
  expect(seen.at(-1)?.authorization).toBe(`Bearer ${tokens[3]}`);
});

test("requests without end are made when they are sent", async () => {
  const { port, seen } = await serve(200);
  let made = 0;
  const at = (i: number) => ({ headers: withToken(String((made = i))), allowed: true });
  await using connection = await Connection.open(port, { first: HEADERS, at, count: Infinity }, 3);
  expect(made).toBe(0);
  await connection.run();
  await connection.run();
  expect(made).toBe(5);
  expect(seen.map(({ authorization }) => authorization)).toEqual([undefined, ...Array.from({ length: 6 }, (_, i) => `Bearer ${i}`)]);
});

test("who must be refused is an error when let in, and the other way round", async () => {
  const { port } = await serve(({ authorization }) => (authorization === "Bearer bad" ? 401 : 200));
  const requests = (allowed: boolean): Requests => ({
    first: HEADERS,
    at: (i) => (i % 2 === 0 ? { headers: withToken("bad"), allowed } : { headers: withToken("good"), allowed: true }),
    count: 2,
  });
  await using connection = await Connection.open(port, requests(false), 16);
  await connection.run();
  await connection.run();
  await using wrong = await Connection.open(port, requests(true), 16);
  await expect(wrong.run()).rejects.toThrow("an answer is no 200");
  const refused: Requests = { first: HEADERS, at: () => ({ headers: HEADERS, allowed: false }), count: 1 };
  await using admitted = await Connection.open(port, refused, 16);
  await expect(admitted.run()).rejects.toThrow("an answer is a 200 where the request must be refused");
});

test("bodies are read, however large they are together", async () => {
  const { port, seen } = await serve(200, "x".repeat(20_000));
  await using connection = await Connection.open(port, repeated(HEADERS), 16);
  await connection.run();
  expect(seen).toHaveLength(17);
});

test("an answer other than 200 is an error", async () => {
  const { port } = await serve(503);
  await expect(Connection.open(port, repeated(HEADERS), 16)).rejects.toThrow("an answer is no 200");
});

test("a connection that is closed is an error", async () => {
  const { port } = await serve(200);
  await using connection = await Connection.open(port, repeated(HEADERS), 16);
  for (const close of cleanup.splice(0)) close();
  await expect(connection.run()).rejects.toThrow(/closed|given up|reset/);
});
