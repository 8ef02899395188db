import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { startLoad, type LoadOptions } from "./index.ts";

const whole = (body = "fine") => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

/** A server that does, with each request by its path and its number, what it is told to; it counts requests itself. */
async function misbehaving(serve: (socket: Socket, path: string, number: number) => void) {
  const seen = { requests: 0, connections: 0 };
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    seen.connections++;
    sockets.add(socket);
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
        const path = text.split(" ")[1] ?? "";
        text = text.slice(end + 4);
        serve(socket, path, seen.requests++);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, seen };
}

/** Sends requests one after the other until so many were sent. */
async function count(url: string, requests: number, options: Partial<LoadOptions> = {}) {
  const load = startLoad({ url, connections: 1, ...options });
  await load.until(({ sent }) => sent >= requests);
  const counts = await load.stop();
  expect(counts.sent).toBe(counts.answered + counts.lost + counts.wrong);
  expect(counts.open).toBe(0);
  return { counts, load };
}

test("everything that is answered is counted once, on one connection each", async () => {
  const { url, seen } = await misbehaving((socket) => socket.write(whole()));
  const { counts, load } = await count(url, 500, { connections: 3 });
  expect(counts).toMatchObject({ answered: seen.requests, sent: seen.requests, statuses: { 200: seen.requests }, reasons: {} });
  expect(seen.connections).toBe(3);
  expect(load.latency(0.5)).toBeLessThanOrEqual(load.latency(0.99));
});

const FAULTS: Record<string, { do: (socket: Socket, number: number) => void; reason: RegExp }> = {
  "a reset instead of an answer": { do: (socket) => socket.resetAndDestroy(), reason: /^(new|used) connection reset before an answer$/ },
  "a close instead of an answer": { do: (socket) => socket.end(), reason: /^(new|used) connection closed before an answer$/ },
  "half a head": {
    do: (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-le"),
    reason: /^(new|used) connection closed before an answer$|^answer cut off/,
  },
  "half a body": {
    do: (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
    reason: /^answer cut off: connection closed$/,
  },
  "chunks without the last": {
    do: (socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
    reason: /^answer cut off: connection closed$/,
  },
  "half a body and a reset": {
    do: (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", () => setTimeout(() => socket.resetAndDestroy(), 20)),
    reason: /^answer cut off: connection reset$/,
  },
  "something else than HTTP": { do: (socket) => socket.end("SSH-2.0-OpenSSH\r\n"), reason: /^not an answer of HTTP: / },
  "no answer at all": { do: () => undefined, reason: /^no answer within 300 ms$/ },
  "half an answer and nothing more": {
    do: (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
    reason: /^no answer within 300 ms$/,
  },
};

for (const [name, fault] of Object.entries(FAULTS)) {
  test(`${name} is lost, and nothing else`, async () => {
    const { url, seen } = await misbehaving((socket, _path, number) => {
      if (number % 3 === 2) fault.do(socket, number);
      else socket.write(whole());
    });
    const { counts, load } = await count(url, 12, { timeout: fault.reason.test("no answer within 300 ms") ? 300 : 10_000 });
    expect(counts.sent).toBe(seen.requests);
    expect(counts.lost).toBe(Math.floor(seen.requests / 3));
    expect(counts).toMatchObject({ wrong: 0, statuses: { 200: counts.answered } });
    for (const reason of Object.keys(counts.reasons)) expect(reason).toMatch(fault.reason);
    expect(load.failures[0]).toMatchObject({ kind: "lost", connection: 0, request: { method: "GET", path: "/" } });
  });
}

test("whole answers that are not as wanted are wrong: by status, by a check, by what a check throws", async () => {
  const { url } = await misbehaving((socket, path, number) => {
    if (path === "/status") socket.write("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy");
    else socket.write(whole(number % 2 === 0 ? "fine" : "else"));
  });
  expect((await count(`${url}status`, 5)).counts).toMatchObject({
    answered: 0,
    lost: 0,
    reasons: { "not as wanted: status 503": expect.any(Number) as number },
  });
  const { counts, load } = await count(url, 10, { check: ({ body }) => body === "fine" || `the body is ${body}` });
  expect(Math.abs(2 * counts.wrong - counts.sent)).toBeLessThanOrEqual(1);
  expect(counts.reasons).toEqual({ "the body is else": counts.wrong });
  expect(load.failures[0]).toMatchObject({ kind: "wrong", answer: { status: 200, body: "else" } });
  const thrown = await count(url, 10, {
    check: ({ body }) => {
      if (body === "else") throw new Error("thrown");
      return undefined;
    },
  });
  expect(thrown.counts.reasons).toEqual({ thrown: thrown.counts.wrong });
});

test("an answer that ends with its connection is whole, and early hints are none", async () => {
  const { url, seen } = await misbehaving((socket, _path, number) => {
    if (number % 2 === 0) socket.end("HTTP/1.1 200 OK\r\n\r\nto the end");
    else socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${whole("to the end")}`);
  });
  const { counts } = await count(url, 10, { check: ({ body }) => body === "to the end" });
  expect(counts).toMatchObject({ answered: seen.requests, lost: 0, wrong: 0 });
});

test("connections that are closed while they are idle lose nothing", async () => {
  const { url, seen } = await misbehaving((socket) => {
    socket.write(whole());
    setTimeout(() => socket.end(), 5);
  });
  const { counts } = await count(url, 10, { rate: 20 });
  expect(counts).toMatchObject({ answered: seen.requests, lost: 0 });
  expect(seen.connections).toBe(seen.requests);
});

test("a used connection that is closed under a request loses it, or has it sent once more where that is wanted and allowed", async () => {
  const start = () =>
    misbehaving((socket, _path, number) => {
      if (number % 2 === 0) socket.write(whole());
      else socket.resetAndDestroy();
    });
  const strict = await start();
  const lost = await count(strict.url, 10);
  expect(lost.counts).toMatchObject({ sent: strict.seen.requests, lost: Math.floor(strict.seen.requests / 2), retried: 0 });
  const again = await start();
  const retried = await count(again.url, 10, { retryReused: true });
  expect(retried.counts).toMatchObject({ lost: 0, answered: retried.counts.sent });
  expect(retried.counts.sent + retried.counts.retried).toBe(again.seen.requests);
  const posted = await start();
  const { counts } = await count(posted.url, 10, { retryReused: true, method: "POST" });
  expect(counts).toMatchObject({ retried: 0, lost: Math.floor(posted.seen.requests / 2) });
});

test("nobody there: every request is lost, with the reason", async () => {
  const { counts } = await count("http://127.0.0.1:1/", 20);
  expect(counts).toMatchObject({ answered: 0, lost: counts.sent, reasons: { "connection refused": counts.sent } });
});

test("a window counts what was sent in it, also what is answered after it", async () => {
  let held: (() => void) | undefined;
  const { url } = await misbehaving((socket, path) => {
    if (path === "/held") held = () => socket.write(whole());
    else socket.write(whole());
  });
  let hold = false;
  await using load = startLoad({ url, connections: 1, request: () => (hold ? { path: "/held" } : {}) });
  await load.until(({ answered }) => answered > 5);
  const window = await load.during(async (counting) => {
    await counting.until(({ answered }) => answered >= 10);
    hold = true;
    await expect.poll(() => held).toBeDefined();
    hold = false;
    setTimeout(() => held?.(), 30);
  });
  expect(window.counts).toMatchObject({ open: 0, lost: 0, answered: window.counts.sent });
  const nothing = await load.during(() => Promise.resolve());
  expect(nothing.counts.sent).toBe(0);
  await expect(load.during(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(load.counts.sent).toBeGreaterThan(window.counts.sent);
});

test("no window is opened on a load that was stopped: it would count nothing, and what was due since as not sent", async () => {
  const { url } = await misbehaving((socket) => void socket.write(whole()));
  for (const rate of [undefined, 200]) {
    await using load = startLoad({ url, ...(rate === undefined ? { connections: 1 } : { rate }) });
    await load.until(({ answered }) => answered > 0);
    await load.stop();
    let done = false;
    const late = load.during(() => Promise.resolve((done = true)));
    await expect(late).rejects.toThrow("the load was stopped, and sends nothing that a window could count: open the window before stop()");
    expect(done, "nothing is done that nobody watches").toBe(false);
  }
});

test("a window in which the load is stopped counts nothing as due after that", async () => {
  const { url } = await misbehaving((socket) => void socket.write(whole()));
  await using load = startLoad({ url, rate: 200 });
  let atStop = Infinity;
  const window = await load.during(async (counting) => {
    await counting.until(({ answered }) => answered >= 5);
    atStop = (await load.stop()).unsent;
    // 20 more would be due.
    await new Promise((resolve) => setTimeout(resolve, 100));
  });
  expect(window.counts.unsent).toBeLessThanOrEqual(atStop);
});

test("stop() forgets nothing that is on its way", async () => {
  const { url, seen } = await misbehaving((socket) => setTimeout(() => socket.write(whole()), 100));
  const load = startLoad({ url, connections: 20 });
  await expect.poll(() => seen.requests).toBe(20);
  expect(load.counts).toMatchObject({ sent: 20, open: 20 });
  const [counts, again] = await Promise.all([load.stop(), load.stop()]);
  expect(counts).toMatchObject({ sent: 20, answered: 20, open: 0 });
  expect(again).toEqual(counts);
});

test("a rate is kept whether answers come or not, and what could not be sent is said", async () => {
  const { url, seen } = await misbehaving((socket) => setTimeout(() => socket.write(whole()), 100));
  const begun = performance.now();
  const kept = startLoad({ url, rate: 200, connections: 100 });
  await kept.until(({ sent }) => sent >= 100);
  const took = performance.now() - begun;
  expect(took).toBeGreaterThanOrEqual(490);
  const counts = await kept.stop();
  expect(counts).toMatchObject({ lost: 0, wrong: 0, answered: seen.requests });
  // 3 connections with 100 ms each carry 30 requests a second at most.
  const starved = startLoad({ url, rate: 200, connections: 3 });
  await starved.until(({ sent }) => sent >= 12);
  const missed = await starved.stop();
  expect(missed.late).toBeGreaterThan(0);
  expect(missed.unsent).toBeGreaterThan(0);
  expect(String(starved)).toMatch(/the rate was not kept: \d+ sent late, \d+ due but not sent/);
});

test("options that are none are refused", () => {
  const url = "http://127.0.0.1:1/";
  expect(() => startLoad({ url: "reviews:9080" })).toThrow('url: "reviews:9080" is no URL of http: or https:');
  expect(() => startLoad({ url, rate: 0 })).toThrow("rate: 0 is none");
  expect(() => startLoad({ url, connections: 1.5 })).toThrow("connections: 1.5");
  expect(() => startLoad({ url, streams: 5 })).toThrow(/protocol: "h2"/);
});
