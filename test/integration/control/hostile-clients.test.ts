import { status, type StatusObject } from "@grpc/grpc-js";
import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { connect as connectTcp } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { create, toBinary } from "@bufbuild/protobuf";
import { DeltaDiscoveryRequestSchema } from "../../../control/envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { CLUSTER, LISTENER } from "../../../control/xds/server/testing/snapshot.ts";
import { DELTA_ADS, DeltaCall, RawCall, SOTW_ADS } from "../../../control/xds/transport/testing/grpc-client.ts";
import { everythingTo, PROXY, ServedMesh } from "./served-mesh.ts";

const nodeId = (number: number) => `sidecar~10.1.0.${number % 250}~stranger-${number}.default~default.svc.cluster.local`;

/** How a call ends that sends these bytes first. */
async function ends(port: number, bytes: Uint8Array, path = DELTA_ADS): Promise<StatusObject> {
  using call = new RawCall(port, path);
  call.send(bytes);
  return await call.status;
}

/** How a call ends that introduces itself and then sends this. */
async function refuses(port: number, init: Parameters<DeltaCall["request"]>[0], node = nodeId(1)): Promise<StatusObject> {
  using call = new DeltaCall(port, node);
  call.request(init);
  return await call.status;
}

/** A request whose node's metadata is a list in a list in a list, 5,000 levels deep (`google.protobuf.Value`: field 6 is a list, of which field 1 are its values). */
const DEEP = (() => {
  let value: Buffer = Buffer.from([0x18, 0x01]);
  for (let level = 0; level < 5_000; level++) value = field(6, field(1, value));
  const entry = Buffer.concat([field(1, Buffer.from("deep")), field(2, value)]);
  const request = toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { typeUrl: CLUSTER }));
  return Buffer.concat([field(1, field(3, field(1, entry))), request]);
})();

function field(number: number, content: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = content.length; rest > 0 || length.length === 0; rest >>>= 7) length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), content]);
}

/** Bytes of no gRPC at all, from a peer that goes when nothing comes of it. */
async function speaksOtherwise(port: number, bytes: Uint8Array): Promise<void> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.end(bytes);
  socket.resume();
  await Promise.race([once(socket, "close"), sleep(1_000)]);
  socket.destroy();
}

/** CVE-2023-44487: opens calls and takes them back at once. */
async function resetsRapidly(port: number): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  for (let round = 0; round < 20 && !session.closed; round++) {
    for (let index = 0; index < 100; index++) {
      const stream = session.request({ ":method": "POST", ":path": DELTA_ADS, "content-type": "application/grpc" });
      stream.on("error", () => undefined);
      stream.close(constants.NGHTTP2_CANCEL);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  session.destroy();
}

/** Many who come, ask, and go without a word. */
async function storm(port: number): Promise<void> {
  const clients = Array.from({ length: 150 }, (_, index) => new DeltaCall(port, nodeId(index)));
  for (const client of clients) client.request({ typeUrl: CLUSTER });
  const first = await Promise.all(clients.map((client) => client.response()));
  expect(first.every(({ resources }) => resources.length > 0)).toBe(true);
  for (const client of clients) client[Symbol.dispose]();
}

/** Asks for everything, over and over, with nonces that are none, refuses what it gets, and accepts nothing. */
async function nags(port: number): Promise<void> {
  using client = new DeltaCall(port, nodeId(200));
  for (const typeUrl of [CLUSTER, LISTENER]) client.request({ typeUrl });
  const first = await client.response();
  client.nack(first, "never");
  for (let index = 0; index < 300; index++) {
    client.request({ typeUrl: CLUSTER, resourceNamesSubscribe: [`name-${index % 50}`], responseNonce: `none-${index}` });
    client.request({ typeUrl: CLUSTER, resourceNamesUnsubscribe: [`name-${index % 50}`] });
  }
  await client.response();
}

async function everything(port: number): Promise<void> {
  const garbage = Buffer.alloc(1000, 0xfe);
  const invalid = status.INVALID_ARGUMENT;
  const names = Array.from({ length: 100_001 }, (_, index) => `n${index}`);
  await Promise.all([
    expect(ends(port, garbage)).resolves.toMatchObject({ code: invalid, details: expect.stringContaining("at byte") as string }),
    expect(ends(port, garbage, SOTW_ADS)).resolves.toMatchObject({ code: invalid }),
    expect(ends(port, Buffer.alloc(5 * 1024 * 1024))).resolves.toMatchObject({ code: status.RESOURCE_EXHAUSTED }),
    expect(ends(port, DEEP)).resolves.toMatchObject({ code: expect.any(Number) as number }),
    expect(refuses(port, { typeUrl: "type.googleapis.com/nobody.Knows" })).resolves.toMatchObject({
      code: invalid,
      details: expect.stringContaining("nobody.Knows") as string,
    }),
    expect(refuses(port, { typeUrl: CLUSTER }, "nobody")).resolves.toMatchObject({
      code: invalid,
      details: expect.stringContaining('node id "nobody" is none of Istio\'s') as string,
    }),
    expect(refuses(port, { typeUrl: CLUSTER, resourceNamesSubscribe: names })).resolves.toMatchObject({ code: status.RESOURCE_EXHAUSTED }),
    expect(
      ends(port, new Uint8Array(), "/envoy.service.discovery.v2.AggregatedDiscoveryService/StreamAggregatedResources"),
    ).resolves.toMatchObject({ code: status.UNIMPLEMENTED, details: expect.stringContaining("version 2 of xDS is gone") as string }),
    speaksOtherwise(port, Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
    speaksOtherwise(port, Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])),
    speaksOtherwise(port, garbage),
    resetsRapidly(port),
    nags(port),
    storm(port),
  ]);
}

test("hostile clients of every sort at once change nothing for an Envoy under load, and leave nothing behind", async () => {
  await using mesh = await ServedMesh.start();
  await using load = mesh.load();
  const port = Number(mesh.serving.xds.split(":")[1]);
  const proxies = async () =>
    (await mesh.serving.get<{ readonly proxies: readonly { readonly id: string }[] }>("/api/v1/status")).proxies.map(({ id }) => id);
  // What Node keeps of memory for another time grows for some rounds, then no more.
  for (let round = 0; round < 30; round++) await everything(port);
  const before = mesh.serving.resident;
  for (let round = 0; round < 4; round++) {
    await everything(port);
    await mesh.edit("rules.yaml", everythingTo(round % 2 === 0 ? "v2" : "v1"));
    await expect.poll(() => mesh.answer(), { timeout: 20_000 }).toBe(round % 2 === 0 ? "v2" : "v1");
  }
  await expect.poll(proxies, { timeout: 20_000 }).toEqual([PROXY]);
  expect(mesh.serving.resident - before).toBeLessThan(60 * 1024 * 1024);
  expect(await mesh.status()).toMatchObject({ state: "SYNCED" });
  expect(load.lost).toEqual([]);
}, 240_000);
