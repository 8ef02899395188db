import { describe, expect, test } from "vitest";
import { TestMesh } from "./testing/mesh.ts";
import { CLUSTER, ENDPOINT, textResource } from "./testing/snapshot.ts";

// The rules of https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol for the state of the world, one by one.

describe("subscriptions", () => {
  test("a first request without names subscribes to everything", async () => {
    const client = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } }).connect("sotw");
    await client.send({ typeUrl: CLUSTER });
    expect(client.one()).toMatchObject({ typeUrl: CLUSTER, resources: { a: "a=1", b: "b=1" } });
  });

  test("so does the name *", async () => {
    const client = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } }).connect("sotw");
    await client.send({ typeUrl: CLUSTER, resourceNames: ["*"] });
    expect(client.one().resources).toEqual({ a: "a=1", b: "b=1" });
  });

  test("everything may be nothing: that is an answer too", async () => {
    const client = new TestMesh().connect("sotw");
    await client.send({ typeUrl: CLUSTER });
    expect(client.one().resources).toEqual({});
  });

  test("the documentation's example of a wildcard that is left", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { A: "1", B: "1" } });
    const client = mesh.connect("sotw");
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one(), ["*", "A"]);
    const both = client.one();
    expect(Object.keys(both.resources)).toEqual(["A", "B"]);
    await client.ack(both, ["A"]);
    mesh.push({ [CLUSTER]: { A: "1", B: "2" } });
    expect(client.take(), "B is subscribed to no more").toEqual([]);
    mesh.push({ [CLUSTER]: { A: "2", B: "2" } });
    const one = client.one();
    expect(one.resources).toEqual({ A: "A=2" });
    await client.ack(one, []);
    mesh.push({ [CLUSTER]: { A: "3", B: "3" } });
    expect(client.take(), "an empty list is no wildcard any more").toEqual([]);
  });

  test("a new name gets what it names, and the others nothing again", async () => {
    const client = new TestMesh({ [ENDPOINT]: { a: "1", b: "1" } }).connect("sotw");
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["a"] });
    const first = client.one();
    await client.ack(first, ["a"]);
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["a", "b"], versionInfo: first.version, responseNonce: first.nonce });
    expect(client.one().resources).toEqual({ b: "b=1" });
  });

  test("a name that was left and comes back is sent again", async () => {
    const client = new TestMesh({ [ENDPOINT]: { a: "1", b: "1" } }).connect("sotw");
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["a", "b"] });
    const first = client.one();
    await client.ack(first, ["b"]);
    await client.ack(first, ["a", "b"]);
    expect(client.one().resources).toEqual({ a: "a=1" });
  });

  test("a name of a type whose responses are complete gets them all", async () => {
    const client = new TestMesh({ [CLUSTER]: { a: "1", b: "1", c: "1" } }).connect("sotw");
    await client.send({ typeUrl: CLUSTER, resourceNames: ["a"] });
    const first = client.one();
    expect(first.resources).toEqual({ a: "a=1" });
    await client.ack(first, ["a", "b"]);
    expect(client.one().resources).toEqual({ a: "a=1", b: "b=1" });
  });

  test("a missing name is answered with nothing, and sent when it appears", async () => {
    const mesh = new TestMesh();
    const client = mesh.connect("sotw");
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["a"] });
    const nothing = client.one();
    expect(nothing.resources).toEqual({});
    await client.ack(nothing, ["a"]);
    expect(client.take()).toEqual([]);
    mesh.push({ [ENDPOINT]: { a: "1" } });
    expect(client.one().resources).toEqual({ a: "a=1" });
  });

  test("an unknown name may be made on demand", async () => {
    const onDemand = (_: string, name: string) => textResource(name, `${name}=404`);
    const client = new TestMesh({}, { onDemand }).connect("sotw");
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["x"] });
    expect(client.one().resources).toEqual({ x: "x=404" });
  });
});

test("a long list is followed as it changes", async () => {
  const names = Array.from({ length: 100 }, (_, i) => `outbound|80||service-${i}`);
  const mesh = new TestMesh({ [ENDPOINT]: Object.fromEntries([...names, "extra"].map((name) => [name, "1"])) });
  const client = mesh.connect("sotw");
  await client.send({ typeUrl: ENDPOINT, resourceNames: names });
  const first = client.one();
  expect(Object.keys(first.resources)).toHaveLength(100);
  await client.ack(first, names);
  expect(client.take()).toEqual([]);
  await client.ack(first, [...names, "extra"]);
  const second = client.one();
  expect(Object.keys(second.resources)).toEqual(["extra"]);
  await client.ack(second, names);
  mesh.push({ [ENDPOINT]: { extra: "2" } });
  expect(client.take()).toEqual([]);
});

describe("nonces", () => {
  test("a request that does not know the last response changes nothing", async () => {
    const mesh = new TestMesh({ [ENDPOINT]: { a: "1", b: "1" } });
    const client = mesh.connect("sotw");
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["a"] });
    const first = client.one();
    mesh.push({ [ENDPOINT]: { a: "2", b: "1" } });
    const second = client.one();
    await client.ack(first, ["a", "b"]);
    expect(client.take(), "stale").toEqual([]);
    await client.ack(second, ["a", "b"]);
    expect(client.one().resources).toEqual({ b: "b=1" });
  });

  test("nor does one without a nonce after a response", async () => {
    const client = new TestMesh({ [ENDPOINT]: { a: "1", b: "1" } }).connect("sotw");
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["a"] });
    client.one();
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["b"] });
    expect(client.take()).toEqual([]);
  });

  test("nor one that was made up", async () => {
    const client = new TestMesh({ [ENDPOINT]: { a: "1", b: "1" } }).connect("sotw");
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["a"] });
    client.one();
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["b"], responseNonce: "made up" });
    expect(client.take()).toEqual([]);
    expect(client.ended).toBeUndefined();
  });

  test("a stale answer is an answer all the same", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
    const client = mesh.connect("sotw");
    await client.send({ typeUrl: CLUSTER });
    const first = client.one();
    mesh.push({ [CLUSTER]: { a: "2" } });
    await client.ack(first);
    expect(mesh.server.status()[0]?.types[0]).toMatchObject({ accepted: { version: first.version }, unanswered: 1 });
  });
});

describe("pushes", () => {
  test("of a complete type hold everything, and what is absent is deleted", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } });
    const client = mesh.connect("sotw");
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    mesh.push({ [CLUSTER]: { a: "2", b: "1" } });
    expect(client.one().resources).toEqual({ a: "a=2", b: "b=1" });
    mesh.push({ [CLUSTER]: { a: "2" } });
    expect(client.one().resources).toEqual({ a: "a=2" });
  });

  test("make before they break: what is gone goes with a second response", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } });
    const client = mesh.connect("sotw");
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    mesh.push({ [CLUSTER]: { b: "1", c: "1" } });
    const all = client.take();
    expect(all.map(({ resources }) => Object.keys(resources).sort())).toEqual([
      ["a", "b", "c"],
      ["b", "c"],
    ]);
  });

  test("of other types hold what changed", async () => {
    const mesh = new TestMesh({ [ENDPOINT]: { a: "1", b: "1", c: "1" } });
    const client = mesh.connect("sotw");
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["a", "b"] });
    await client.ack(client.one(), ["a", "b"]);
    mesh.push({ [ENDPOINT]: { a: "1", b: "2", c: "2" } });
    expect(client.one().resources).toEqual({ b: "b=2" });
    mesh.push({ [ENDPOINT]: { a: "1" } });
    expect(client.take(), "there is no way to say that b is gone").toEqual([]);
  });

  test("do not wait for the ACK of the one before", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
    const client = mesh.connect("sotw");
    await client.send({ typeUrl: CLUSTER });
    mesh.push({ [CLUSTER]: { a: "2" } });
    expect(client.take().map(({ resources }) => resources["a"])).toEqual(["a=1", "a=2"]);
  });
});

describe("a client that returns", () => {
  test("with the version of everything gets nothing until that changes", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } });
    const before = mesh.connect("sotw");
    await before.send({ typeUrl: CLUSTER });
    const { version } = before.one();
    // The service was restarted: the same objects, another snapshot.
    const restarted = new TestMesh({ [CLUSTER]: { b: "1", a: "1" } });
    const client = restarted.connect("sotw");
    await client.send({ typeUrl: CLUSTER, versionInfo: version });
    expect(client.take()).toEqual([]);
    expect(restarted.server.status()[0]?.types[0]?.state).toBe("SYNCED");
    restarted.push({ [CLUSTER]: { a: "1", b: "2" } });
    expect(client.one().resources).toEqual({ a: "a=1", b: "b=2" });
  });

  test("with another gets everything", async () => {
    const client = new TestMesh({ [CLUSTER]: { a: "1" } }).connect("sotw");
    await client.send({ typeUrl: CLUSTER, versionInfo: "older" });
    expect(client.one().resources).toEqual({ a: "a=1" });
  });

  test("with names gets them: their version says nothing about which of them it had", async () => {
    const mesh = new TestMesh({ [ENDPOINT]: { a: "1" } });
    const client = mesh.connect("sotw");
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["a"], versionInfo: "v1" });
    expect(client.one().resources).toEqual({ a: "a=1" });
  });
});
