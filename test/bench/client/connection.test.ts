import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http2";
import { afterEach, expect, test } from "vitest";
import { Connection } from "./connection.ts";

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
async function serve(status: number, body = ""): Promise<{ port: number; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer();
  server.on("session", (session) => cleanup.push(() => session.destroy()));
  server.on("stream", (stream, headers) => {
    seen.push(headers);
    stream.respond({ ":status": status }, { endStream: body === "" });
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
  await using connection = await Connection.open(port, HEADERS, 16);
  expect(seen).toHaveLength(1);
  expect(await connection.run()).toBeGreaterThan(0);
  await connection.run();
  expect(seen).toHaveLength(33);
  for (const headers of seen) expect(headers).toMatchObject(Object.fromEntries(HEADERS));
});

test("bodies are read, however large they are together", async () => {
  const { port, seen } = await serve(200, "x".repeat(20_000));
  await using connection = await Connection.open(port, HEADERS, 16);
  await connection.run();
  expect(seen).toHaveLength(17);
});

test("an answer other than 200 is an error", async () => {
  const { port } = await serve(503);
  await expect(Connection.open(port, HEADERS, 16)).rejects.toThrow("an answer is no 200");
});

test("a connection that is closed is an error", async () => {
  const { port } = await serve(200);
  await using connection = await Connection.open(port, HEADERS, 16);
  for (const close of cleanup.splice(0)) close();
  await expect(connection.run()).rejects.toThrow(/closed|given up|reset/);
});
