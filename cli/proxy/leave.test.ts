import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { takeLeave } from "./leave.ts";

const node = { id: "sidecar~10.0.0.1~reviews.default~default.svc.cluster.local" };

/** How it ends against a control service at a port; `control` as in the request of a bootstrap. */
async function leave(control: { readonly host: string; readonly port: number } | { readonly path: string }, end: AbortSignal) {
  const lines: string[] = [];
  const write = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  await using resources = new AsyncDisposableStack();
  const request = { node: node.id, control } as unknown as Parameters<typeof takeLeave>[0];
  await takeLeave(request, { node, identity: undefined, log: { info: write, warn: write, error: write }, resources }, end);
  return lines;
}

const never = new AbortController().signal;

test("where nobody listens nobody is waited for, and the log says why", async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  const [line] = await leave({ host: "127.0.0.1", port }, never);
  expect(line).toMatch(/^the drain of this proxy cannot be reported now .*ECONNREFUSED/);
});

test("a control service that says nothing is waited for until the end that is given", async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const connected = once(server, "connection");
  const end = new AbortController();
  const left = leave({ host: "127.0.0.1", port: (server.address() as AddressInfo).port }, end.signal);
  const [socket] = (await connected) as [{ destroy(): void }];
  expect(await Promise.race([left, new Promise((resolve) => setTimeout(() => resolve("waits"), 50))])).toBe("waits");
  end.abort();
  expect(await left).toEqual([]);
  socket.destroy();
  server.close();
});

test("at a socket of the file system nobody is told", async () => {
  expect(await leave({ path: "/nowhere" }, never)).toEqual([]);
});
