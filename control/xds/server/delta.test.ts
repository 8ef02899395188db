import { describe, expect, test } from "vitest";
import { TestMesh } from "./testing/mesh.ts";
import { CLUSTER, ENDPOINT, FILTER, textResource } from "./testing/snapshot.ts";

// The rules of https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol#incremental-xds, one by one.

describe("subscriptions", () => {
  test("a first request without names subscribes to everything", async () => {
    const client = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } }).connect("delta");
    await client.send({ typeUrl: CLUSTER });
    expect(client.one()).toMatchObject({ typeUrl: CLUSTER, version: "v1", resources: { a: "a=1", b: "b=1" }, removed: [] });
  });

  test("so does the name *", async () => {
    const client = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } }).connect("delta");
    await client.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ["*"] });
    expect(client.one().resources).toEqual({ a: "a=1", b: "b=1" });
  });

  test("everything may be nothing: the answer comes all the same, since the client waits for it", async () => {
    const client = new TestMesh().connect("delta");
    await client.send({ typeUrl: CLUSTER });
    expect(client.one()).toMatchObject({ resources: {}, removed: [] });
  });

  test("a type without wildcards has none", async () => {
    const client = new TestMesh({ [ENDPOINT]: { a: "1" } }).connect("delta");
    await client.send({ typeUrl: ENDPOINT });
    expect(client.take()).toEqual([]);
  });

  test("names get what they name", async () => {
    const client = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } }).connect("delta");
    await client.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ["b"] });
    expect(client.one().resources).toEqual({ b: "b=1" });
  });

  test("a missing name is answered with its removal, and sent when it appears", async () => {
    const mesh = new TestMesh({ [ENDPOINT]: { a: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["a", "b"] });
    expect(client.one()).toMatchObject({ resources: { a: "a=1" }, removed: ["b"] });
    mesh.push({ [ENDPOINT]: { a: "1", b: "1" } });
    expect(client.one()).toMatchObject({ resources: { b: "b=1" }, removed: [] });
  });

  test.each([[["b"]], [["a", "b"]]])("of %j, what is coming is not said to be missing, and is sent when it is there", async (names) => {
    const mesh = new TestMesh({ [ENDPOINT]: { a: "1" } }, { isComing: (name) => name === "b" });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: names });
    expect(client.take().map(({ resources, removed }) => ({ resources, removed }))).toEqual(
      names.includes("a") ? [{ resources: { a: "a=1" }, removed: [] }] : [],
    );
    mesh.push({ [ENDPOINT]: { a: "1", b: "1" } });
    expect(client.one()).toMatchObject({ resources: { b: "b=1" }, removed: [] });
  });

  test("a name that is subscribed to again is sent again: the client may have forgotten it", async () => {
    const client = new TestMesh({ [ENDPOINT]: { a: "1" } }).connect("delta");
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["a"] });
    await client.ack(client.one());
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["a"] });
    expect(client.one().resources).toEqual({ a: "a=1" });
  });

  test("so is everything, for * again", async () => {
    const client = new TestMesh({ [CLUSTER]: { a: "1" } }).connect("delta");
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    await client.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ["*"] });
    expect(client.one().resources).toEqual({ a: "a=1" });
  });

  test("the documentation's example of a wildcard that is left", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { A: "1", B: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    expect(Object.keys(client.one().resources)).toEqual(["A", "B"]);
    await client.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ["A"] });
    expect(Object.keys(client.one().resources)).toEqual(["A"]);
    mesh.push({ [CLUSTER]: { A: "1", B: "2" } });
    expect(Object.keys(client.one().resources)).toEqual(["B"]);
    await client.send({ typeUrl: CLUSTER, resourceNamesUnsubscribe: ["*"] });
    mesh.push({ [CLUSTER]: { A: "2", B: "3" } });
    expect(Object.keys(client.one().resources)).toEqual(["A"]);
    await client.send({ typeUrl: CLUSTER, resourceNamesUnsubscribe: ["A"] });
    mesh.push({ [CLUSTER]: { A: "3", B: "4" } });
    expect(client.take()).toEqual([]);
    await client.send({ typeUrl: CLUSTER });
    expect(client.take(), "an empty list is no wildcard any more").toEqual([]);
  });

  test("leaving a name ends its updates, without an answer", async () => {
    const mesh = new TestMesh({ [ENDPOINT]: { a: "1", b: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["a", "b"] });
    await client.ack(client.one());
    await client.send({ typeUrl: ENDPOINT, resourceNamesUnsubscribe: ["a"] });
    mesh.push({ [ENDPOINT]: { a: "2", b: "2" } });
    expect(client.one().resources).toEqual({ b: "b=2" });
  });

  test.each([
    ["is in the wildcard, it is sent", "a", { resources: { a: "a=1" }, removed: [] }],
    ["is not, it is removed", "x", { resources: {}, removed: ["x"] }],
  ])("when a name is left under a wildcard and %s", async (_, name, expected) => {
    const onDemand = (_type: string, asked: string) => (asked === "x" ? textResource("x", "x=made") : undefined);
    const client = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } }, { onDemand }).connect("delta");
    await client.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ["*", name] });
    expect(Object.keys(client.one().resources)).toContain(name);
    await client.send({ typeUrl: CLUSTER, resourceNamesUnsubscribe: [name] });
    expect(client.one()).toMatchObject(expected);
  });

  test("leaving what was never subscribed to is nothing", async () => {
    const client = new TestMesh({ [CLUSTER]: { a: "1" } }).connect("delta");
    await client.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ["*"] });
    await client.ack(client.one());
    await client.send({ typeUrl: CLUSTER, resourceNamesUnsubscribe: ["phantom", "a"] });
    expect(client.take()).toEqual([]);
    expect(client.ended).toBeUndefined();
  });

  test("hold whatever the nonce says", async () => {
    const client = new TestMesh({ [ENDPOINT]: { a: "1", b: "1" } }).connect("delta");
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["a"] });
    client.one();
    await client.send({ typeUrl: ENDPOINT, responseNonce: "of long ago", resourceNamesSubscribe: ["b"] });
    expect(client.one().resources).toEqual({ b: "b=1" });
  });
});

describe("on demand", () => {
  const onDemand = (_: string, name: string) => textResource(name, `${name}=404`);

  test("an unknown name is answered with what was made for it, never with a removal", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } }, { onDemand });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    await client.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ["x"] });
    expect(client.one()).toMatchObject({ resources: { x: "x=404" }, removed: [] });
  });

  test("it becomes the real one when that appears, and what was made for it when that goes", async () => {
    const mesh = new TestMesh({}, { onDemand });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["x"] });
    client.one();
    mesh.push({ [ENDPOINT]: { x: "1" } });
    expect(client.one().resources).toEqual({ x: "x=1" });
    mesh.push({ [ENDPOINT]: {} });
    expect(client.one()).toMatchObject({ resources: { x: "x=404" }, removed: [] });
  });

  test("a wildcard holds nothing that is made", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } }, { onDemand });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    client.one();
    mesh.push({ [CLUSTER]: {} });
    expect(client.one()).toMatchObject({ resources: {}, removed: ["a"] });
  });
});

describe("a client that returns", () => {
  const MESH = { [CLUSTER]: { a: "1", b: "1" }, [ENDPOINT]: { a: "1", b: "1" } };
  const version = (name: string, text: string) => textResource(name, `${name}=${text}`).version;

  test("gets what differs from what it has", async () => {
    const client = new TestMesh(MESH).connect("delta");
    await client.send({ typeUrl: CLUSTER, initialResourceVersions: { a: version("a", "1"), b: version("b", "0"), c: version("c", "1") } });
    expect(client.one()).toMatchObject({ resources: { b: "b=1" }, removed: ["c"] });
  });

  test("gets nothing where nothing differs", async () => {
    const mesh = new TestMesh(MESH);
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER, initialResourceVersions: { a: version("a", "1"), b: version("b", "1") } });
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["a"], initialResourceVersions: { a: version("a", "1") } });
    expect(client.take()).toEqual([]);
    expect(
      mesh.server
        .status()[0]
        ?.types.slice(0, 2)
        .map(({ state }) => state),
    ).toEqual(["SYNCED", "SYNCED"]);
    mesh.push({ [CLUSTER]: { a: "2", b: "1" } });
    expect(client.one().resources).toEqual({ a: "a=2" });
  });

  test("is believed in its first request only", async () => {
    const client = new TestMesh(MESH).connect("delta");
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["a"] });
    client.one();
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["b"], initialResourceVersions: { b: version("b", "1") } });
    expect(client.one().resources).toEqual({ b: "b=1" });
  });
});

describe("pushes", () => {
  test("hold what changed and is subscribed to", async () => {
    const mesh = new TestMesh({ [ENDPOINT]: { a: "1", b: "1", c: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["a", "b"] });
    await client.ack(client.one());
    mesh.push({ [ENDPOINT]: { a: "1", b: "2", c: "2" } });
    expect(client.one()).toMatchObject({ version: "v2", resources: { b: "b=2" }, removed: [] });
  });

  test("do not wait for the ACK of the one before", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    mesh.push({ [CLUSTER]: { a: "2" } });
    mesh.push({ [CLUSTER]: { a: "3" } });
    expect(client.take().map(({ resources }) => resources["a"])).toEqual(["a=1", "a=2", "a=3"]);
  });

  test("that change nothing send nothing", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    client.one();
    mesh.group.push(mesh.group.snapshot, [{ typeUrl: CLUSTER, names: ["a", "never"] }, { typeUrl: ENDPOINT }]);
    expect(client.take()).toEqual([]);
  });

  test("that name no names compare everything", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1", b: "1", c: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    client.one();
    const next = new TestMesh({ [CLUSTER]: { a: "1", b: "2", d: "1" } }).group.snapshot;
    mesh.group.push(next, [{ typeUrl: CLUSTER }]);
    expect(client.take()).toMatchObject([
      { resources: { b: "b=2", d: "d=1" }, removed: [] },
      { resources: {}, removed: ["c"] },
    ]);
  });

  test("a proxy that moves to another group gets what differs", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    client.one();
    const other = mesh.server.group(new TestMesh({ [CLUSTER]: { a: "1", b: "2" } }).group.snapshot);
    mesh.group.replace(other);
    expect(client.one().resources).toEqual({ b: "b=2" });
    expect([mesh.group.size, other.size]).toEqual([0, 1]);
    mesh.push({ [CLUSTER]: { a: "9" } });
    expect(client.take()).toEqual([]);
  });

  test("a response that would be too large comes in parts", async () => {
    const texts = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`n${i}`, "x".repeat(100)]));
    const client = new TestMesh({ [CLUSTER]: texts }, { limits: { response: 500 } }).connect("delta");
    await client.send({ typeUrl: CLUSTER });
    const parts = client.take();
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.flatMap(({ resources }) => Object.keys(resources))).toEqual(Object.keys(texts));
  });
});

describe("a type whose clients keep what they have", () => {
  test("tells nobody that a resource is gone, and sends it when it is back", async () => {
    const mesh = new TestMesh({ [FILTER]: { a: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: FILTER, resourceNamesSubscribe: ["a"] });
    expect(client.one().resources).toEqual({ a: "a=1" });
    mesh.push({ [FILTER]: {} });
    expect(client.take()).toEqual([]);
    mesh.push({ [FILTER]: { a: "1" } });
    expect(client.one()).toMatchObject({ resources: { a: "a=1" }, removed: [] });
  });

  test("nor who returns with it; who has nothing is told", async () => {
    const client = new TestMesh().connect("delta");
    await client.send({ typeUrl: FILTER, resourceNamesSubscribe: ["a", "b"], initialResourceVersions: { a: "version" } });
    expect(client.one()).toMatchObject({ resources: {}, removed: ["b"] });
  });
});
