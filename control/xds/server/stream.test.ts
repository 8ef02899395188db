import { describe, expect, test } from "vitest";
import type { AnswerEvent, RefusalEvent } from "./index.ts";
import { resourcesOf, TestMesh } from "./testing/mesh.ts";
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from "./testing/snapshot.ts";

const eds = (name: string) => [{ typeUrl: ENDPOINT, name }];

describe("answers", () => {
  test("an ACK makes a type SYNCED, and is told with its time since the change", async () => {
    const accepted: AnswerEvent[] = [];
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } }, { observer: { accepted: (event) => void accepted.push(event) } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    mesh.push({ [CLUSTER]: { a: "2" } });
    const type = () => mesh.server.status()[0]?.types[0];
    expect(type()?.state).toBe("STALE");
    const pushed = client.one();
    mesh.clock.advance(30);
    await client.ack(pushed);
    expect(type()).toMatchObject({ state: "SYNCED", sent: { version: "v2" }, accepted: { version: "v2" } });
    expect(accepted.map(({ sinceChange, sinceSent }) => [sinceChange, sinceSent])).toEqual([
      [undefined, 0],
      [30, 30],
    ]);
  });

  test("what was never asked for is NOT SENT", async () => {
    const mesh = new TestMesh();
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    const states = mesh.server.status()[0]?.types.map(({ state }) => state);
    expect(states).toEqual(["STALE", ...Array<string>(6).fill("NOT SENT")]);
  });

  test("a NACK is kept with its reason, and its version is not sent again", async () => {
    const refused: RefusalEvent[] = [];
    const mesh = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } }, { observer: { refused: (event) => void refused.push(event) } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    mesh.push({ [CLUSTER]: { a: "bad", b: "1" } });
    await client.nack(client.one(), "a is bad");
    const since = mesh.clock.dateOf(mesh.clock.now());
    expect(client.take()).toEqual([]);
    expect(mesh.server.status()[0]?.types[0]).toMatchObject({ state: "NACK", refused: [{ name: "a", reason: "a is bad", since }] });
    expect(refused).toMatchObject([{ reason: "a is bad", resources: ["a"] }]);
    mesh.clock.advance(1000);
    mesh.push({ [CLUSTER]: { a: "bad", b: "2" } });
    const other = client.one();
    expect(other.resources, "the rest goes on").toEqual({ b: "b=2" });
    await client.ack(other);
    expect(mesh.server.status()[0]?.types[0]?.refused).toMatchObject([{ name: "a", since }]);
    mesh.push({ [CLUSTER]: { a: "good", b: "2" } });
    await client.ack(client.one());
    expect(mesh.server.status()[0]?.types[0]).toMatchObject({ state: "SYNCED", refused: [] });
  });

  test("going back to what was good clears a NACK", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    mesh.push({ [CLUSTER]: { a: "bad" } });
    await client.nack(client.one(), "bad");
    mesh.push({ [CLUSTER]: { a: "1" } });
    await client.ack(client.one());
    expect(mesh.server.status()[0]?.types[0]?.state).toBe("SYNCED");
  });

  test.each(["delta", "sotw"] as const)(
    "of those that were refused together the good ones are sent again, by name (%s)",
    async (variant) => {
      const mesh = new TestMesh({ [ROUTE]: { a: "1", "a.b": "1", c: "1" } });
      const client = mesh.connect(variant);
      const names = ["a", "a.b", "c"];
      await client.send({ typeUrl: ROUTE, resourceNamesSubscribe: names, resourceNames: names });
      await client.ack(client.one(), names);
      mesh.push({ [ROUTE]: { a: "2", "a.b": "bad", c: "2" } });
      await client.nack(client.one(), "Only unique names in 'a.b': x", names);
      const again = client.one();
      expect(again.resources).toEqual({ a: "a=2", c: "c=2" });
      await client.ack(again, names);
      expect(mesh.server.status()[0]?.types.flatMap(({ refused }) => refused.map(({ name }) => name))).toEqual(["a.b"]);
    },
  );

  test("and where the reason names nobody, in halves until the bad one is alone", async () => {
    const mesh = new TestMesh({ [ROUTE]: { a: "1", b: "1", c: "1", d: "1", e: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: ROUTE, resourceNamesSubscribe: ["a", "b", "c", "d", "e"] });
    const sizes: number[] = [];
    for (let responses = client.take(); responses.length > 0; responses = client.take()) {
      for (const response of responses) {
        sizes.push(Object.keys(response.resources).length);
        if ("d" in response.resources) await client.nack(response, "something is wrong");
        else await client.ack(response);
      }
    }
    expect(sizes).toEqual([5, 3, 2, 1, 1]);
    expect(mesh.server.status()[0]?.types.flatMap(({ refused }) => refused.map(({ name }) => name))).toEqual(["d"]);
  });

  test("a nonce that is not ours, or was answered before, answers nothing", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    const first = client.one();
    await client.nack({ ...first, nonce: "zz" }, "not yours");
    expect(mesh.server.status()[0]?.types[0]).toMatchObject({ unanswered: 1, refused: [] });
    await client.ack(first);
    await client.nack(first, "twice");
    expect(mesh.server.status()[0]?.types[0]).toMatchObject({ state: "SYNCED", refused: [] });
  });
});

describe.each(["delta", "sotw"] as const)("the order of a push (%s)", (variant) => {
  async function proxy(mesh: TestMesh) {
    const client = mesh.connect(variant);
    for (const typeUrl of [LISTENER, ROUTE, ENDPOINT, CLUSTER]) {
      const names = typeUrl === CLUSTER || typeUrl === LISTENER ? [] : ["a", "b"];
      await client.send({ typeUrl, resourceNames: names, resourceNamesSubscribe: names });
      for (const response of client.take()) await client.ack(response, names);
    }
    client.take();
    return client;
  }

  test("is that of the types, and removals go backwards at the end", async () => {
    const mesh = new TestMesh({
      [CLUSTER]: { a: "1", b: "1" },
      [ENDPOINT]: { a: "1", b: "1" },
      [LISTENER]: { l: "1", m: "1" },
      [ROUTE]: { a: "1", b: "1" },
    });
    const client = await proxy(mesh);
    mesh.push({ [ROUTE]: { a: "2" }, [LISTENER]: { l: "2" }, [ENDPOINT]: { a: "2" }, [CLUSTER]: { a: "2" } });
    const order = client.take().map(({ typeUrl }) => typeUrl);
    const removals = variant === "delta" ? [ROUTE, LISTENER, ENDPOINT, CLUSTER] : [LISTENER, CLUSTER];
    expect(order).toEqual([CLUSTER, ENDPOINT, LISTENER, ROUTE, ...removals]);
  });

  test("lets routes wait until new clusters are accepted", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" }, [ROUTE]: { a: "1" } });
    const client = await proxy(mesh);
    mesh.push({ [CLUSTER]: { a: "1", b: "1" }, [ROUTE]: { a: "to b" } });
    const clusters = client.one();
    expect(clusters.typeUrl).toBe(CLUSTER);
    await client.ack(clusters);
    expect(client.one()).toMatchObject({ typeUrl: ROUTE, resources: { a: "a=to b" } });
  });

  test("but not for ever, and not for changes of clusters that are there", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" }, [ROUTE]: { a: "1" } });
    const client = await proxy(mesh);
    mesh.push({ [CLUSTER]: { a: "1", b: "1" }, [ROUTE]: { a: "to b" } });
    client.one();
    mesh.clock.advance(1999);
    expect(client.take()).toEqual([]);
    mesh.clock.advance(1);
    expect(client.one().typeUrl).toBe(ROUTE);
    mesh.push({ [CLUSTER]: { a: "2", b: "1" }, [ROUTE]: { a: "3" } });
    expect(client.take().map(({ typeUrl }) => typeUrl)).toEqual([CLUSTER, ROUTE]);
  });

  test("keeps a removed cluster until the routes that used it have changed", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1", b: "1" }, [ROUTE]: { a: "to b" } });
    const client = await proxy(mesh);
    mesh.push({ [CLUSTER]: { a: "1", c: "1" }, [ROUTE]: { a: "to c" } });
    const added = client.one();
    expect(Object.keys(added.resources)).toContain("c");
    await client.ack(added);
    expect(client.take().map(({ typeUrl }) => typeUrl)).toEqual([ROUTE, CLUSTER]);
  });
});

describe.each(["delta", "sotw"] as const)("companions (%s)", (variant) => {
  const mesh = (text: string) => ({ [CLUSTER]: resourcesOf({ a: text, b: "1" }, eds), [ENDPOINT]: resourcesOf({ a: "1", b: "1" }) });

  test("follow a change, though they have not changed", async () => {
    const test = new TestMesh();
    test.pushResources(mesh("1"));
    const client = test.connect(variant);
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    await client.send({ typeUrl: ENDPOINT, resourceNames: ["a", "b"], resourceNamesSubscribe: ["a", "b"] });
    await client.ack(client.one(), ["a", "b"]);
    test.pushResources(mesh("2"));
    const [clusters, endpoints, ...more] = client.take();
    expect(clusters?.typeUrl).toBe(CLUSTER);
    expect(endpoints).toMatchObject({ typeUrl: ENDPOINT, resources: { a: "a=1" } });
    expect(more).toEqual([]);
  });

  test("are not sent to who did not ask for them", async () => {
    const test = new TestMesh();
    test.pushResources(mesh("1"));
    const client = test.connect(variant);
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    test.pushResources(mesh("2"));
    expect(client.one().typeUrl).toBe(CLUSTER);
  });
});

test("a returning client gets the endpoints of a cluster that changed meanwhile, though it has them", async () => {
  const test = new TestMesh();
  const [endpoint] = resourcesOf({ a: "1" });
  test.pushResources({ [CLUSTER]: resourcesOf({ a: "2" }, eds), [ENDPOINT]: endpoint === undefined ? [] : [endpoint] });
  const client = test.connect("delta");
  await client.send({ typeUrl: CLUSTER, initialResourceVersions: { a: "of version 1" } });
  expect(client.one().resources).toEqual({ a: "a=2" });
  await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ["a"], initialResourceVersions: { a: endpoint?.version ?? "" } });
  expect(client.one().resources).toEqual({ a: "a=1" });
});

describe("a client that does not keep up", () => {
  test("holds its latest state and no more, and gets that when it reads again", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1", b: "1" } }, { limits: { highWater: 100 } });
    const client = mesh.connect("delta");
    client.reads = false;
    await client.send({ typeUrl: CLUSTER });
    for (let i = 2; i < 100; i++) mesh.push({ [CLUSTER]: { a: String(i), b: "1" } });
    expect(client.take()).toHaveLength(1);
    expect(mesh.server.status()[0]?.types[0]).toMatchObject({ state: "STALE", waiting: 1 });
    client.resume();
    expect(client.one().resources).toEqual({ a: "a=99" });
  });

  test("gets nothing where all is as it was", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } }, { limits: { highWater: 100 } });
    const client = mesh.connect("delta");
    client.reads = false;
    await client.send({ typeUrl: CLUSTER });
    client.one();
    mesh.push({ [CLUSTER]: { a: "2", b: "1" } });
    mesh.push({ [CLUSTER]: { a: "1" } });
    client.resume();
    expect(client.take()).toEqual([]);
  });

  test("is cut off after a while", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } }, { limits: { stall: 60_000 } });
    const client = mesh.connect("delta");
    client.reads = false;
    await client.send({ typeUrl: CLUSTER });
    mesh.clock.advance(59_000);
    expect(client.ended).toBeUndefined();
    mesh.clock.advance(2_000);
    expect(client.ended?.error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect([...mesh.server.streams()]).toEqual([]);
  });

  test("holds back nobody else", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "x".repeat(1000) } }, { budget: 500 });
    const slow = mesh.connect("delta");
    slow.reads = false;
    await slow.send({ typeUrl: CLUSTER });
    const other = mesh.connect("delta");
    await other.send({ typeUrl: CLUSTER });
    expect([slow.take().length, other.take().length], "the budget is used up").toEqual([1, 0]);
    mesh.clock.advance(2_000);
    expect(other.take()).toHaveLength(1);
  });

  test("and never answers gets so many responses, then the latest when it answers one", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "0" } }, { limits: { unanswered: 3 } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    for (let i = 1; i < 10; i++) mesh.push({ [CLUSTER]: { a: String(i) } });
    const [first, ...more] = client.take();
    expect(more).toHaveLength(2);
    if (first !== undefined) await client.ack(first);
    expect(client.one().resources).toEqual({ a: "a=9" });
  });
});

test("those who wait are served in the order in which they came", async () => {
  const mesh = new TestMesh({ [CLUSTER]: { a: "x".repeat(1000) } }, { budget: 500 });
  const clients = Array.from({ length: 5 }, () => mesh.connect("delta"));
  for (const client of clients) client.reads = false;
  for (const client of clients) await client.send({ typeUrl: CLUSTER });
  for (const [i, client] of clients.entries()) {
    expect(clients.map(({ inbox }) => inbox.length)).toEqual(clients.map((_, j) => (j <= i ? 1 : 0)));
    client.resume();
  }
});
