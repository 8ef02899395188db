import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { EarlyPort } from "./early-port.ts";

test("hands over connections that came before there was a server, and those that come after", async () => {
  await using early = await EarlyPort.open();
  const first = connect(early.port, "127.0.0.1");
  first.write("first");
  await once(first, "connect");
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  early.handTo((server.address() as AddressInfo).port);
  const second = connect(early.port, "127.0.0.1");
  second.write("second");
  const answers = await Promise.all([once(first, "data"), once(second, "data")]);
  expect(answers.map(String)).toEqual(["first", "second"]);
  server.close();
});

test("cuts off what nobody came for", async () => {
  const early = await EarlyPort.open();
  const socket = connect(early.port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  await early[Symbol.asyncDispose]();
  await once(socket, "close");
});
