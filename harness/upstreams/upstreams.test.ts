import { once } from "node:events";
import { request as http1Request, type IncomingMessage } from "node:http";
import { connect } from "node:http2";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { startUpstream, type Upstream } from "./index.ts";

const url = ({ host, port }: Upstream) => `http://${host}:${port}`;

/** One HTTP/1.1 request, as node:http sees the head of its answer. */
async function http1(upstream: Upstream, headers: Record<string, string> = {}, body = "", trailers: Record<string, string> = {}) {
  const request = http1Request(url(upstream), { method: "POST", agent: false, headers });
  request.write(body);
  request.addTrailers(trailers);
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

/** One HTTP/2 request, as node:http2 sees its answer. */
async function http2(upstream: Upstream, headers: Record<string, string>, body = "", sent: Record<string, string> = {}) {
  const session = connect(url(upstream));
  try {
    const stream = session.request({ ":path": "/", ...headers }, { endStream: false, waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers(sent));
    let answer: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    stream.on("response", (received: Record<string, unknown>) => (answer = received));
    stream.on("trailers", (received: Record<string, unknown>) => (trailers = received));
    stream.end(body);
    const bytes = await buffer(stream);
    // A connection that ends without an answer is no error for node:http2.
    if (answer[":status"] === undefined) throw new Error("no answer");
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

test("HTTP/2: a header that should come once may come twice, in an answer and in its trailers", async () => {
  const twice = [
    ["authorization", "1"],
    ["authorization", "2"],
  ] as const;
  await using upstream = await startUpstream({ script: () => ({ headers: twice, body: "x", trailers: twice }) });
  const session = connect(url(upstream));
  const stream = session.request({ ":path": "/" });
  const raw: (readonly string[])[] = [];
  stream.on("response", (_headers, _flags, received: string[]) => raw.push(received));
  stream.on("trailers", (_headers, _flags, received: string[]) => raw.push(received));
  await buffer(stream);
  session.destroy();
  expect(raw.map((pairs) => pairs.filter((_, index) => pairs[index - (index % 2)] === "authorization"))).toEqual([
    twice.flat(),
    twice.flat(),
  ]);
});

test("trailers of requests are recorded, and of HTTP/1.1 answers sent", async () => {
  await using upstream = await startUpstream({ script: () => ({ body: "made", trailers: [["x-end", "yes"]] }) });
  const response = await http1(upstream, { trailer: "x-sum", "transfer-encoding": "chunked" }, "a", { "x-sum": "1" });
  expect((await buffer(response)).toString()).toBe("made");
  expect(response.trailers).toEqual({ "x-end": "yes" });
  await http2(upstream, { ":method": "POST" }, "a", { "x-sum": "2" });
  expect(upstream.requests.map(({ trailers }) => trailers)).toEqual([[["x-sum", "1"]], [["x-sum", "2"]]]);
});

test("gRPC ends with status 0 where nothing is scripted, and with the scripted one without a message", async () => {
  await using upstream = await startUpstream({
    script: ({ path }) => (path === "/ok" ? { body: "x" } : { headers: [["grpc-status", "7"]] }),
  });
  const ask = (path: string) => http2(upstream, { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
  expect((await ask("/ok")).trailers["grpc-status"]).toBe("0");
  const denied = await ask("/denied");
  expect(denied.answer["grpc-status"]).toBe("7");
  expect(denied.trailers["grpc-status"]).toBeUndefined();
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

test("a WebSocket echoes where nothing is scripted, and is reset where that is", async () => {
  await using upstream = await startUpstream({ script: ({ path }) => (path === "/reset" ? { reset: "after-headers" } : {}) });
  const open = async (path: string) => {
    const socket = new WebSocket(`ws://${upstream.host}:${upstream.port}${path}`);
    await once(socket, "open");
    return socket;
  };
  const echo = await open("/echo");
  const message = once(echo, "message") as Promise<[Buffer]>;
  echo.send("hi");
  expect((await message)[0].toString()).toBe("hi");
  echo.terminate();
  const reset = await open("/reset");
  const closed = once(reset, "close") as Promise<[number]>;
  reset.send("hi");
  // 1006: the connection ended without a close frame (RFC 6455, section 7.1.5).
  expect((await closed)[0]).toBe(1006);
});

test.each([
  ["HTTP/1.1", (upstream: Upstream) => fetch(url(upstream))],
  ["HTTP/2", (upstream: Upstream) => http2(upstream, { ":method": "GET" })],
])("delays come first: %s", async (_, ask) => {
  await using upstream = await startUpstream({ script: () => ({ delay: 60 }) });
  const begun = performance.now();
  await ask(upstream);
  // A timer of Node may be a millisecond early.
  expect(performance.now() - begun).toBeGreaterThanOrEqual(58);
});

test.each(["before-headers", "after-headers"] as const)("a reset %s", async (reset) => {
  await using upstream = await startUpstream({ script: () => ({ reset, body: "some" }) });
  const answer = fetch(url(upstream)).then((response) => response.text());
  await expect(answer).rejects.toThrow();
  await expect(http2(upstream, { ":method": "GET" })).rejects.toThrow();
});

test("headers are seen before a reset that comes after them, and not before one that comes first", async () => {
  await using upstream = await startUpstream({
    script: ({ path }) => ({ status: 201, body: "some", reset: path === "/after" ? "after-headers" : "before-headers" }),
  });
  const over2 = async (path: string) => {
    const session = connect(url(upstream));
    const stream = session.request({ ":path": path });
    let status: unknown;
    stream.on("response", (received) => (status = received[":status"]));
    const failed = await buffer(stream).then(
      () => status === undefined,
      () => true,
    );
    session.destroy();
    return { status, failed };
  };
  const after = await fetch(`${url(upstream)}/after`);
  expect(after.status).toBe(201);
  await expect(after.text()).rejects.toThrow();
  await expect(fetch(`${url(upstream)}/before`)).rejects.toThrow("fetch failed");
  expect(await over2("/after")).toEqual({ status: 201, failed: true });
  expect(await over2("/before")).toEqual({ status: undefined, failed: true });
});

test.each([
  ["a status that is none", { status: 99_999 }],
  ["a header name that is none", { headers: [["a b", "1"]] as const }],
])("an answer with %s resets the stream, and the next one is served", async (_, bad) => {
  let asked = 0;
  await using upstream = await startUpstream({ script: () => (asked++ % 2 === 0 ? bad : {}) });
  await expect(fetch(url(upstream))).rejects.toThrow("fetch failed");
  expect((await fetch(url(upstream))).status).toBe(200);
  await expect(http2(upstream, { ":method": "GET" })).rejects.toThrow();
  expect((await http2(upstream, { ":method": "GET" })).answer[":status"]).toBe(200);
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
