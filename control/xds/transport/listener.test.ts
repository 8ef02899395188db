import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { resourcesOf } from "../server/testing/mesh.ts";
import { CLUSTER, ENDPOINT, MapSnapshot } from "../server/testing/snapshot.ts";
import { XdsListener } from "./index.ts";
import { TestControl } from "./testing/control.ts";
import { DELTA_ADS, DeltaCall, RawCall } from "./testing/grpc-client.ts";

const MESH = new MapSnapshot("1", { [CLUSTER]: resourcesOf({ a: "1", b: "1" }), [ENDPOINT]: resourcesOf({ a: "1" }) });

test("a plain client of gRPC gets what it asks for, and what changes", async () => {
  await using control = await TestControl.start(MESH);
  using client = new DeltaCall(control.listener.port, "plain");
  client.request({ typeUrl: CLUSTER });
  const first = await client.response();
  expect(first.resources.map(({ name, version, resource }) => [name, version.length, resource?.typeUrl])).toEqual([
    ["a", 12, CLUSTER],
    ["b", 12, CLUSTER],
  ]);
  expect(first.controlPlane?.identifier).toBe("test");
  client.ack(first);
  const settled = control.push({ [CLUSTER]: resourcesOf({ a: "2", b: "1" }) });
  const second = await client.response();
  expect(Buffer.from(second.resources[0]?.resource?.value ?? []).toString()).toBe("a=2");
  client.ack(second);
  await settled;
  expect(control.server.status()[0]).toMatchObject({ proxy: "plain", peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string });
});

test("each service of one type serves that type", async () => {
  await using control = await TestControl.start(MESH);
  using client = new DeltaCall(control.listener.port, "plain", "/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints");
  client.request({ resourceNamesSubscribe: ["a"] });
  expect((await client.response()).resources.map(({ name }) => name)).toEqual(["a"]);
});

test.each([
  [
    "/envoy.service.discovery.v2.AggregatedDiscoveryService/StreamAggregatedResources",
    /version 2 of xDS is gone: set transport_api_version: V3/,
  ],
  ["/envoy.api.v2.ClusterDiscoveryService/StreamClusters", /version 2 of xDS is gone/],
  ["/envoy.service.cluster.v3.ClusterDiscoveryService/FetchClusters", /polling is not served: call StreamClusters or DeltaClusters/],
  ["/envoy.service.runtime.v3.RuntimeDiscoveryService/StreamRuntime", /does not implement the method/],
])("%s is refused with a reason", async (path, reason) => {
  await using control = await TestControl.start(MESH);
  using call = new RawCall(control.listener.port, path);
  call.send(new Uint8Array());
  expect(await call.status).toMatchObject({ code: status.UNIMPLEMENTED, details: expect.stringMatching(reason) as string });
});

test("an address that is taken is the system's error", async () => {
  await using control = await TestControl.start(MESH);
  await expect(XdsListener.start(control.server, { port: control.listener.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});

describe("hostile clients", () => {
  test.each([
    ["garbage", Buffer.alloc(100, 0xff), status.INVALID_ARGUMENT, /not a DeltaDiscoveryRequest: at byte/],
    ["nothing", Buffer.alloc(0), status.INVALID_ARGUMENT, /type_url is empty/],
    ["a request that is too large", Buffer.alloc(5 * 1024 * 1024), status.RESOURCE_EXHAUSTED, /larger than max/],
  ])("%s ends that call, with a reason, and no other", async (_, bytes, code, details) => {
    await using control = await TestControl.start(MESH);
    using good = new DeltaCall(control.listener.port);
    good.request({ typeUrl: CLUSTER });
    good.ack(await good.response());
    using bad = new RawCall(control.listener.port);
    bad.send(bytes);
    expect(await bad.status).toMatchObject({ code, details: expect.stringMatching(details) as string });
    const settled = control.push({ [CLUSTER]: resourcesOf({ a: "2" }) });
    good.ack(await good.response());
    good.ack(await good.response());
    await settled;
  });

  test("wrong nonces, and a NACK of everything, change nothing for the client that sends them", async () => {
    await using control = await TestControl.start(MESH);
    using client = new DeltaCall(control.listener.port);
    client.request({ typeUrl: CLUSTER, responseNonce: "a nonce of another stream" });
    const first = await client.response();
    client.nack(first, "no");
    // Half of it is tried again, then the other half, then nothing.
    for (let i = 0; i < 2; i++) client.nack(await client.response(), "no");
    await expect
      .poll(() => control.refusals().map(({ name, reason }) => [name, reason]))
      .toEqual([
        ["a", "no"],
        ["b", "no"],
      ]);
    await expect.poll(() => control.server.status()[0]?.types[0]?.state).toBe("NACK");
    expect(control.sent).toHaveLength(3);
  });

  test("a client that ends its side is told good-bye", async () => {
    await using control = await TestControl.start(MESH);
    using client = new DeltaCall(control.listener.port);
    client.request({ typeUrl: CLUSTER });
    await client.response();
    client.halfClose();
    expect((await client.status).code).toBe(status.OK);
    expect([...control.server.streams()]).toEqual([]);
  });

  test("a client that goes without a word leaves nothing", async () => {
    await using control = await TestControl.start(MESH);
    {
      using client = new DeltaCall(control.listener.port);
      client.request({ typeUrl: CLUSTER });
      await client.response();
    }
    await expect.poll(() => control.server.status()).toEqual([]);
    expect(control.group.size).toBe(0);
  });

  test("a peer that is gone without a word, or never was one, is cut off", async () => {
    await using control = await TestControl.start(MESH, { keepalive: 200, keepaliveTimeout: 200 });
    const silent = connect(control.listener.port, "127.0.0.1");
    const closed = new Promise((resolve) => silent.once("close", resolve));
    silent.on("error", () => undefined).resume();
    await closed;
  });

  test("a client that does not read gets what fits into the windows, and is cut off", async () => {
    const big = (text: string) => ({ [CLUSTER]: resourcesOf({ a: text.repeat(1024 * 1024) }) });
    await using control = await TestControl.start(new MapSnapshot("1", big("1")), { limits: { stall: 1500, unanswered: 1000 } });
    using client = new DeltaCall(control.listener.port);
    client.request({ typeUrl: CLUSTER });
    client.ack(await client.response());
    client.pause();
    for (let i = 0; i < 100; i++) {
      void control.push(big(String(i))).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(control.sent.length, "it gets what fits into the windows, not each of the hundred").toBeLessThan(50);
    await expect.poll(() => control.server.status(), { timeout: 8000 }).toEqual([]);
  });

  test("a storm of reconnects is served, everybody", async () => {
    await using control = await TestControl.start(MESH);
    for (let round = 0; round < 2; round++) {
      const clients = Array.from({ length: 100 }, (_, i) => new DeltaCall(control.listener.port, `client-${i}`));
      for (const client of clients) client.request({ typeUrl: CLUSTER });
      const responses = await Promise.all(clients.map((client) => client.response()));
      expect(responses.every(({ resources }) => resources.length === 2)).toBe(true);
      for (const client of clients) client[Symbol.dispose]();
    }
    await expect.poll(() => control.server.status()).toEqual([]);
  });

  test("thousands of pushes to clients that never answer leave memory as it was", async () => {
    await using control = await TestControl.start(MESH, { limits: { unanswered: 4 } });
    const clients = Array.from({ length: 10 }, (_, i) => new DeltaCall(control.listener.port, `client-${i}`, DELTA_ADS));
    for (const client of clients) client.request({ typeUrl: CLUSTER });
    await Promise.all(clients.map((client) => client.response()));
    const push = async (count: number) => {
      for (let i = 0; i < count; i++) {
        void control.push({ [CLUSTER]: resourcesOf({ a: `${i}${"x".repeat(10_000)}`, b: "1" }) }).catch(() => undefined);
        if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    await push(500);
    const [before] = control.server.status();
    await push(2000);
    const [after] = control.server.status();
    expect(control.sent.length).toBe(40);
    expect([before, after].map((stream) => [stream?.types[0]?.waiting, stream?.types[0]?.unanswered])).toEqual([
      [1, 4],
      [1, 4],
    ]);
    for (const client of clients) client[Symbol.dispose]();
  });
});

// With Node's default of 511 the system drops the others' handshakes, and they try again after a second, after two, after four.
test("a thousand clients that connect while the service is busy are all taken", async () => {
  await using control = await TestControl.start(new MapSnapshot("1", {}));
  const { port } = control.listener;
  const sockets = Array.from({ length: 1000 }, () => connect({ port, host: "127.0.0.1" }));
  try {
    // In this turn of the event loop, so that none is taken meanwhile.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(waitingToBeTaken(port)).toBe(sockets.length);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

/** Of a listening socket the queue of `/proc/net/tcp` is that of connections: `local_address rem_address st tx_queue:rx_queue`. */
function waitingToBeTaken(port: number): number | undefined {
  const address = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n")) {
    const [, local = "", , state, queues = ""] = line.trim().split(/\s+/);
    if (local.endsWith(address) && state === "0A") return Number.parseInt(queues.split(":")[1] ?? "", 16);
  }
  return undefined;
}
