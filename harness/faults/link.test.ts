import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Link, startLink, type LinkFaults, type LinkOptions } from "./index.ts";

/** Sends everything back. */
async function echo(): Promise<{ port: number; accepted: Socket[] }> {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on("error", () => undefined).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, accepted };
}

async function linked(faults: LinkFaults = {}, options: Partial<LinkOptions> = {}) {
  const server = await echo();
  const link = await startLink({ to: { port: server.port }, faults, ...options });
  onTestFinished(() => link[Symbol.asyncDispose]());
  return { server, link };
}

/** What a socket got until it ended, and how it ended. */
function reading(socket: Socket) {
  const state = { text: "", bytes: 0, how: "" };
  socket.on("data", (chunk: Buffer) => {
    state.bytes += chunk.length;
    if (state.bytes < 10_000) state.text += chunk.toString();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => (state.how = error.code ?? ""));
  socket.on("end", () => (state.how = "end"));
  return state;
}

function dial(port: number): { socket: Socket; state: ReturnType<typeof reading> } {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  return { socket, state: reading(socket) };
}

test("a link carries bytes both ways, and both ends of a connection", async () => {
  const { link } = await linked();
  const { socket, state } = dial(link.port);
  socket.end("hello");
  await expect.poll(() => state).toMatchObject({ text: "hello", how: "end" });
  socket.destroy();
  await expect.poll(() => link.counts).toEqual({ connections: 1, open: 0, reset: 0, failed: 0, retransmitted: 0, sent: 5, received: 5 });
});

test("megabytes go through as they are, though the reader is slow", async () => {
  const { link } = await linked({ jitter: 3 });
  const { socket, state } = dial(link.port);
  socket.pause();
  socket.end(Buffer.alloc(8 << 20, "x"));
  await expect.poll(() => link.counts.sent).toBeGreaterThan(1 << 20);
  socket.resume();
  await expect.poll(() => state, { timeout: 20_000 }).toMatchObject({ bytes: 8 << 20, how: "end" });
});

test("a delay is there both ways, and gone when it is healed", async () => {
  const { link } = await linked({ delay: 100, jitter: 20 });
  const { socket, state } = dial(link.port);
  const begun = performance.now();
  socket.write("a");
  await expect.poll(() => state.text).toBe("a");
  expect(performance.now() - begun).toBeGreaterThanOrEqual(199);
  await link.set({ delay: 3_600_000 });
  socket.write("b");
  socket.write("c");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(state.text).toBe("a");
  await link.heal();
  await expect.poll(() => state.text).toBe("abc");
});

test("a bandwidth holds for all connections together", async () => {
  const { link } = await linked({ bytesPerSecond: 100_000 });
  const begun = performance.now();
  const both = [dial(link.port), dial(link.port)];
  for (const { socket } of both) socket.end(Buffer.alloc(15_000));
  await expect.poll(() => both.map(({ state }) => state.bytes), { timeout: 20_000 }).toEqual([15_000, 15_000]);
  // 30,000 bytes each way, the ways at the same time.
  expect(performance.now() - begun).toBeGreaterThanOrEqual(290);
});

test("a lost chunk comes a retransmission later, and in order", async () => {
  const { link } = await linked({ loss: 1 });
  const { socket, state } = dial(link.port);
  socket.write("a");
  await expect.poll(() => link.counts.retransmitted).toBe(6);
  socket.write("b");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(state.text).toBe("");
  await link.heal();
  await expect.poll(() => state.text).toBe("ab");
  await link.set({ loss: 0.4 });
  const begun = performance.now();
  const before = link.counts.retransmitted;
  for (let sent = 2; link.counts.retransmitted === before; sent++) {
    await expect.poll(() => state.bytes, { timeout: 20_000, interval: 2 }).toBe(sent);
    socket.write("c");
    await expect.poll(() => link.counts.received, { timeout: 20_000, interval: 2 }).toBe(sent + 1);
  }
  expect(performance.now() - begun).toBeGreaterThanOrEqual(199);
});

test("the same seed loses the same", async () => {
  const losses = async (seed: number) => {
    const { link } = await linked({ resets: 0.3 }, { seed });
    const after: number[] = [];
    for (let connection = 0; connection < 6; connection++) {
      const { socket, state } = dial(link.port);
      for (let sent = 1; state.how === "" && sent < 20; sent++) {
        socket.write("x");
        await expect.poll(() => state.how !== "" || state.bytes === sent, { interval: 2 }).toBe(true);
      }
      after.push(state.bytes);
      socket.destroy();
    }
    expect(link.counts.reset).toBe(6);
    return after;
  };
  const first = await losses(7);
  expect(await losses(7)).toEqual(first);
  expect(await losses(8)).not.toEqual(first);
});

test("cut by hanging: nothing gets through, nobody is told, and all goes on afterwards", async () => {
  const { link, server } = await linked();
  const before = dial(link.port);
  before.socket.write("a");
  await expect.poll(() => before.state.text).toBe("a");
  await link.set({ cut: "hang" });
  before.socket.end("b");
  const meanwhile = dial(link.port);
  await once(meanwhile.socket, "connect");
  meanwhile.socket.write("c");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([before.state, meanwhile.state]).toMatchObject([
    { text: "a", how: "" },
    { text: "", how: "" },
  ]);
  expect(server.accepted).toHaveLength(1);
  await link.heal();
  await expect.poll(() => [before.state, meanwhile.state]).toMatchObject([{ text: "ab", how: "end" }, { text: "c" }]);
});

test("cut by resets: open connections and new ones are reset, on both sides", async () => {
  const { link, server } = await linked();
  const before = dial(link.port);
  before.socket.write("a");
  await expect.poll(() => before.state.text).toBe("a");
  const ended = new Promise((resolve) => server.accepted[0]?.once("error", resolve));
  await link.set({ cut: "reset" });
  expect(await ended).toMatchObject({ code: "ECONNRESET" });
  await expect.poll(() => before.state.how).toBe("ECONNRESET");
  const later = dial(link.port);
  await expect.poll(() => later.state.how).toBe("ECONNRESET");
  expect(link.counts).toMatchObject({ connections: 2, open: 0, reset: 2 });
});

test("cut by refusing: nobody listens, and at the same port again when it is healed", async () => {
  const { link } = await linked();
  await link.set({ cut: "refuse" });
  const refused = dial(link.port);
  await expect.poll(() => refused.state.how).toBe("ECONNREFUSED");
  await link.heal();
  const { socket, state } = dial(link.port);
  socket.end("a");
  await expect.poll(() => state.text).toBe("a");
});

test("what happens is counted before its ends see it", async () => {
  const server = await echo();
  const seen: [number, boolean][] = [];
  const door = createServer({ allowHalfOpen: true }, (client) => {
    const link = new Link({
      to: { port: server.port },
      listens: false,
      onCount: () => seen.push([link.counts.connections + link.counts.reset, client.destroyed]),
    });
    void link.set({ resets: 1 }).then(() => link.carry(client));
  });
  await once(door.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void door.close());
  const { socket, state } = dial((door.address() as AddressInfo).port);
  socket.write("a");
  await expect.poll(() => state.how).toBe("ECONNRESET");
  expect(seen).toEqual([
    [1, false],
    [2, false],
  ]);
});

test("closed after so many bytes of answers", async () => {
  const { link } = await linked({ closeAfter: 3 });
  const { socket, state } = dial(link.port);
  socket.write("hello");
  await expect.poll(() => state).toMatchObject({ text: "hel", how: "end" });
  expect(link.counts.received).toBe(3);
});

test("an end that resets, or is not there, is seen at the other as a reset", async () => {
  const { link, server } = await linked();
  const { socket, state } = dial(link.port);
  socket.write("a");
  await expect.poll(() => state.text).toBe("a");
  server.accepted[0]?.resetAndDestroy();
  await expect.poll(() => state.how).toBe("ECONNRESET");
  await using nowhere = await startLink({ to: { port: 1 } });
  const lost = dial(nowhere.port);
  await expect.poll(() => lost.state.how).toBe("ECONNRESET");
  expect([link.counts, nowhere.counts]).toMatchObject([
    { reset: 0, failed: 0, open: 0 },
    { reset: 0, failed: 1, open: 0 },
  ]);
});

test("sockets of the file system, on both sides", async () => {
  const folder = await mkdtemp(join(tmpdir(), "meshwright-link-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const server = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  server.listen(join(folder, "server"));
  onTestFinished(() => void server.close());
  await using link = await startLink({ to: { path: join(folder, "server") }, path: join(folder, "link") });
  const socket = connect(join(folder, "link"));
  const state = reading(socket);
  socket.write("a");
  await expect.poll(() => state.text).toBe("a");
  const closed = once(socket, "close");
  await link.set({ cut: "reset" });
  await closed;
});

test("what is none of the faults, and an address that is taken, are refused with what to do", async () => {
  const { link, server } = await linked();
  await expect(link.set({ loss: 20 })).rejects.toThrow("loss: 20 is no share; expected 0 to 1");
  await expect(link.set({ latency: 20 } as LinkFaults)).rejects.toThrow(/no fault latency; there are delay, jitter/);
  await expect(link.set({ bytesPerSecond: 0 })).rejects.toThrow(/cut: "hang"/);
  await expect(link.set({ cut: "maybe" } as unknown as LinkFaults)).rejects.toThrow(/expected hang, reset or refuse/);
  await expect(startLink({ to: { port: 1 }, port: server.port })).rejects.toThrow(/EADDRINUSE.*none for a free port/);
});
