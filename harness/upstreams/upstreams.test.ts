import { once } from "node:events";
import { connect } from "node:http2";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { startUpstream, type Upstream } from "./index.ts";

const url = ({ host, port }: Upstream) => `http://${host}:${port}`;

/** One HTTP/2 request, as node:http2 sees its answer. */
async function http2(upstream: Upstream, headers: Record<string, string>, body = "") {
  const session = connect(url(upstream));
  try {
    const stream = session.request({ ":path": "/", ...headers });
    let answer: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    stream.on("response", (received: Record<string, unknown>) => (answer = received));
    stream.on("trailers", (received: Record<string, unknown>) => (trailers = received));
    stream.end(body);
    const bytes = await buffer(stream);
    return { answer, trailers, bytes };
  } finally {
    session.destroy();
  }
}

test("answers 200 where nothing is scripted, and records what came", async () => {
  await using upstream = await startUpstream();
  const answer = await fetch(`${url(upstream)}/a?b=c`, { method: "POST", headers: [["X-Name", "one"]], body: "hello" });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toBe("");
  const [request] = upstream.requests;
  expect(request).toMatchObject({ protocol: "http/1.1", method: "POST", path: "/a?b=c", authority: `${upstream.host}:${upstream.port}` });
  expect(request?.body.toString()).toBe("hello");
  expect(request?.headers.find(([name]) => name.toLowerCase() === "x-name")?.[1]).toBe("one");
});

test("scripts see the request and choose the answer", async () => {
  await using upstream = await startUpstream({
    script: async ({ path }) => ({
      status: path === "/teapot" ? 418 : 404,
      headers: [
        ["x-a", "1"],
        ["x-a", "2"],
      ],
      body: { base64: "/w==" },
    }),
  });
  const answer = await fetch(`${url(upstream)}/teapot`);
  expect(answer.status).toBe(418);
  expect(answer.headers.get("x-a")).toBe("1, 2");
  expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([0xff]);
  expect((await fetch(url(upstream))).status).toBe(404);
});

test("HTTP/2 on the same port, with trailers", async () => {
  await using upstream = await startUpstream({ script: () => ({ status: 201, body: "made", trailers: [["x-end", "yes"]] }) });
  const { answer, trailers, bytes } = await http2(upstream, { ":method": "PUT" }, "x");
  expect(answer[":status"]).toBe(201);
  expect(bytes.toString()).toBe("made");
  expect(trailers["x-end"]).toBe("yes");
  expect(upstream.requests).toMatchObject([{ protocol: "h2", method: "PUT", scheme: "http" }]);
});

test("gRPC: framed messages, and a status in trailers", async () => {
  await using upstream = await startUpstream({ script: () => ({ messages: ["one", "two"], trailers: [["grpc-status", "5"]] }) });
  const { answer, trailers, bytes } = await http2(
    upstream,
    { ":method": "POST", "content-type": "application/grpc", te: "trailers" },
    "\0\0\0\0\u0001x",
  );
  expect(answer["content-type"]).toBe("application/grpc");
  expect(bytes.toString("latin1")).toBe("\0\0\0\0\u0003one\0\0\0\0\u0003two");
  expect(trailers["grpc-status"]).toBe("5");
  expect(upstream.requests[0]?.protocol).toBe("grpc");
});

test("WebSocket: a message for a message", async () => {
  await using upstream = await startUpstream({ script: ({ body }) => ({ body: `got ${body.toString()}` }) });
  const socket = new WebSocket(`ws://${upstream.host}:${upstream.port}/chat`);
  await once(socket, "open");
  socket.send("hi");
  const [message] = (await once(socket, "message")) as [Buffer];
  expect(message.toString()).toBe("got hi");
  expect(upstream.requests).toMatchObject([{ protocol: "websocket", path: "/chat" }]);
  socket.terminate();
});

test("delays come first", async () => {
  await using upstream = await startUpstream({ script: () => ({ delay: 60 }) });
  const begun = performance.now();
  await fetch(url(upstream));
  // A timer of Node may be a millisecond early.
  expect(performance.now() - begun).toBeGreaterThanOrEqual(58);
});

test.each(["before-headers", "after-headers"] as const)("a reset %s", async (reset) => {
  await using upstream = await startUpstream({ script: () => ({ reset, body: "some" }) });
  const answer = fetch(url(upstream)).then((response) => response.text());
  await expect(answer).rejects.toThrow();
  await expect(http2(upstream, { ":method": "GET" })).rejects.toThrow();
});

test("a script that throws resets the stream, and the next one is served", async () => {
  let asked = 0;
  await using upstream = await startUpstream({
    script: () => {
      if (asked++ === 0) throw new Error("no answer");
      return {};
    },
  });
  await expect(fetch(url(upstream))).rejects.toThrow("fetch failed");
  expect((await fetch(url(upstream))).status).toBe(200);
});

test("keeps so many requests, the latest", async () => {
  await using upstream = await startUpstream({ keep: 2 });
  for (const path of ["/1", "/2", "/3"]) await fetch(`${url(upstream)}${path}`);
  expect(upstream.requests.map(({ path }) => path)).toEqual(["/2", "/3"]);
});

test("is gone when it is disposed of", async () => {
  const upstream = await startUpstream();
  await upstream[Symbol.asyncDispose]();
  await expect(fetch(url(upstream))).rejects.toThrow("fetch failed");
});
