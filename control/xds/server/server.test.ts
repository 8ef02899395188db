import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { DeltaDiscoveryRequestSchema } from "../../envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { XdsError, XdsServer } from "./index.ts";
import { TestClient } from "./testing/client.ts";
import { TestClock } from "./testing/clock.ts";
import { TestMesh } from "./testing/mesh.ts";
import { CLUSTER, ENDPOINT, TYPES } from "./testing/snapshot.ts";

test.each([
  [
    "an unknown type",
    "type.googleapis.com/envoy.service.runtime.v3.Runtime",
    /"type.googleapis.com\/envoy.service.runtime.v3.Runtime" are not served here/,
  ],
  ["a type of version 2", "type.googleapis.com/envoy.api.v2.Cluster", /version 2 .* resource_api_version: V3/],
  ["no type", "", /type_url is empty/],
])("%s is refused", async (_, typeUrl, message) => {
  const client = new TestMesh().connect("delta");
  await client.send({ typeUrl });
  expect(client.ended?.error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) as string });
});

test("a service of one type needs no type, and takes no other", async () => {
  const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
  const client = mesh.connect("sotw", CLUSTER);
  await client.send({});
  expect(client.one()).toMatchObject({ typeUrl: CLUSTER, resources: { a: "a=1" } });
  expect(mesh.server.status()[0]?.types.map(({ typeUrl }) => typeUrl)).toEqual([CLUSTER]);
  await client.send({ typeUrl: ENDPOINT });
  expect(client.ended?.error?.code).toBe("INVALID_ARGUMENT");
});

test("the first request says who sends it", async () => {
  const client = new TestMesh().connect("delta");
  await client.raw(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { typeUrl: CLUSTER })));
  expect(client.ended?.error).toMatchObject({ code: "INVALID_ARGUMENT" });
});

test.each([
  [
    "with its own reason",
    new XdsError("PERMISSION_DENIED", "no such namespace"),
    { code: "PERMISSION_DENIED", message: "no such namespace" },
  ],
  ["without ours", new Error("secret path"), { code: "INTERNAL", message: "the control service failed at this request; its log says why" }],
])("who is refused is told %s", async (_, thrown, expected) => {
  const clock = new TestClock();
  const server = new XdsServer({ types: TYPES, clock, onConnect: () => Promise.reject(thrown) });
  const client = new TestClient(server, clock, "delta");
  await client.send({ typeUrl: CLUSTER });
  expect(client.ended?.error).toMatchObject(expected);
});

test("a stream whose client says nothing ends", () => {
  const mesh = new TestMesh({}, { limits: { firstRequest: 30_000 } });
  const client = mesh.connect("delta");
  mesh.clock.advance(31_000);
  expect(client.ended?.error).toMatchObject({ code: "DEADLINE_EXCEEDED", message: "no first request within 30000 ms" });
});

test("too many names end the stream", async () => {
  const mesh = new TestMesh({}, { limits: { names: 10 } });
  const client = mesh.connect("delta");
  await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: Array.from({ length: 11 }, (_, i) => String(i)) });
  expect(client.ended?.error).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
});

test("one proxy may have several streams, and each has its own state", async () => {
  const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
  const [first, second] = [mesh.connect("delta"), mesh.connect("delta")];
  await first.send({ typeUrl: CLUSTER });
  await second.send({ typeUrl: CLUSTER });
  await first.ack(first.one());
  expect(mesh.server.status().map(({ proxy, types }) => [proxy, types[0]?.state])).toEqual([
    ["test-proxy", "SYNCED"],
    ["test-proxy", "STALE"],
  ]);
  first.stream.close();
  expect(mesh.group.size).toBe(1);
  mesh.push({ [CLUSTER]: { a: "2" } });
  expect(first.take()).toEqual([]);
  expect(second.take()).toHaveLength(2);
});

test("a snapshot that fails ends the stream that got it, and no other", async () => {
  const clock = new TestClock();
  const errors: unknown[] = [];
  const broken = { version: "1", resources: () => ({ get: () => undefined, names: () => fail() }) };
  const fail = (): never => {
    throw new Error("of the snapshot");
  };
  const server: XdsServer = new XdsServer({
    types: TYPES,
    clock,
    onConnect: () => ({ id: "proxy", group: server.group(broken) }),
    observer: { disconnected: ({ error }) => void errors.push(error?.cause) },
  });
  const client = new TestClient(server, clock, "delta");
  await client.send({ typeUrl: CLUSTER });
  expect(client.ended?.error?.code).toBe("INTERNAL");
  expect(errors).toMatchObject([{ message: "of the snapshot" }]);
});

test("who was let in is told to have left, also where the client left before", async () => {
  const clock = new TestClock();
  const left: string[] = [];
  const admission = Promise.withResolvers<void>();
  const server: XdsServer = new XdsServer({
    types: TYPES,
    clock,
    onConnect: async () => {
      await admission.promise;
      return { id: "proxy", group };
    },
    observer: { disconnected: ({ proxy }) => void left.push(proxy) },
  });
  const group = server.group(new TestMesh().group.snapshot);
  const client = new TestClient(server, clock, "delta");
  const sent = client.send({ typeUrl: CLUSTER });
  client.stream.close();
  expect(left).toEqual([]);
  admission.resolve();
  await sent;
  expect([left, group.size]).toEqual([["proxy"], 0]);
});

test("at the end every stream is told to come again", async () => {
  const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
  const client = mesh.connect("delta");
  await client.send({ typeUrl: CLUSTER });
  mesh.server.end();
  expect(client.ended?.error).toMatchObject({ code: "UNAVAILABLE" });
  expect(mesh.connect("delta").ended?.error).toMatchObject({ code: "UNAVAILABLE" });
});
