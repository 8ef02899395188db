import { expect, test } from "vitest";
import { scriptedHost } from "./testing/scripted-host.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test("a TCP connection passes both ways; the end is done, log, delete", async () => {
  const { chain, logged } = await scriptedHost(`
    new_connection: prop source.address
    downstream_data: body 2 0 99
    upstream_data: body 3 0 99
    downstream_close: log 2 closed
    done: log 2 done
    log: log 2 log
    delete: log 2 delete`);
  const connection = chain.openConnection();
  connection.send("ping");
  connection.receive("pong");
  expect(text(connection.toServer.bytes())).toBe("ping");
  expect(text(connection.toClient.bytes())).toBe("pong");
  connection.disconnect();
  expect(logged()).toEqual([
    "prop source.address = 0:127.0.0.1:50000",
    "body 2 0 99 = 0:ping",
    "body 3 0 99 = 0:pong",
    "closed",
    "done",
    "log",
    "delete",
  ]);
});

test("a filter that stops sees the bytes again with those that follow, and may change them", async () => {
  const { chain, logged, host } = await scriptedHost(`
    create: tick 10
    downstream_data: body 2 0 99
    downstream_data: setbody 2 0 1 P
    downstream_data: return 1
    tick: effective
    tick: continue 2
    tick: tick 0`);
  const connection = chain.openConnection();
  connection.send("pi");
  connection.send("ng");
  expect(connection.toServer.length).toBe(0);
  host.advance(10);
  expect(text(connection.toServer.bytes())).toBe("Ping");
  expect(logged()).toEqual(["body 2 0 99 = 0:pi", "body 2 0 99 = 0:Ping"]);
});

test("what comes while a stopped filter has more than may be buffered is read when it has gone on", async () => {
  const { host, plugin, logged } = await scriptedHost(`
    create: tick 10
    downstream_data: body 2 0 99
    downstream_data#1: return 1
    tick: effective
    tick: continue 2
    tick: tick 0`);
  const connection = host.chain([plugin], { bufferLimit: 4 }).openConnection();
  connection.send("12345");
  connection.send("67", true);
  expect(logged()).toEqual(["body 2 0 99 = 0:12345"]);
  host.advance(10);
  expect(logged()).toEqual(["body 2 0 99 = 0:67"]);
  expect(text(connection.toServer.bytes())).toBe("1234567");
  expect(connection.serverEnded).toBe(true);
});

test("a filter closes the connection, and so does a trap", async () => {
  const closing = (await scriptedHost("downstream_data: close 2")).chain.openConnection();
  closing.send("x");
  expect(closing.closeReason).toBe("wasm_downstream_close");
  const trapping = (await scriptedHost("new_connection: trap")).chain.openConnection();
  expect(trapping.closeReason).toBe("wasm_fail_stream");
});
