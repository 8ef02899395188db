import { describe, expect, test } from "vitest";
import { TestMesh } from "./testing/mesh.ts";
import { CLUSTER } from "./testing/snapshot.ts";

// What stays for a while where there is no more of it: in the type CLUSTER of these tests, names that begin with "lingering", for 30 s.

describe.each(["delta", "sotw"] as const)("what lingers (%s)", (variant) => {
  /** A client that has `texts`. */
  async function connected(texts: Readonly<Record<string, string>>) {
    const mesh = new TestMesh({ [CLUSTER]: texts });
    const client = mesh.connect(variant);
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    /** What it has been told since: what there is now, and what there is no more of. */
    const told = async () => {
      const all = client.take();
      for (const response of all) await client.ack(response);
      return all.map(({ resources, removed }) => (variant === "delta" ? { resources, removed } : Object.keys(resources)));
    };
    return { mesh, client, told };
  }

  test("goes when its time is over, and nobody waits for that", async () => {
    const { mesh, client, told } = await connected({ a: "1", b: "1", lingering: "1" });
    mesh.push({ [CLUSTER]: { a: "1" } });
    expect(await told()).toEqual([variant === "delta" ? { resources: {}, removed: ["b"] } : ["a", "lingering"]]);
    expect(client.stream.settled).toBe(true);
    mesh.clock.advance(29_000);
    expect(await told()).toEqual([]);
    mesh.clock.advance(1_000);
    expect(await told()).toEqual([variant === "delta" ? { resources: {}, removed: ["lingering"] } : ["a"]]);
    mesh.clock.advance(60_000);
    expect(await told()).toEqual([]);
  });

  test("stays where there is one again, and changes where that is another", async () => {
    const { mesh, told } = await connected({ a: "1", lingering: "1" });
    mesh.push({ [CLUSTER]: { a: "1" } });
    mesh.push({ [CLUSTER]: { a: "1", lingering: "1" } });
    expect(await told()).toEqual([]);
    mesh.push({ [CLUSTER]: { a: "1" } });
    mesh.push({ [CLUSTER]: { a: "1", lingering: "2" } });
    expect(await told()).toEqual([variant === "delta" ? { resources: { lingering: "lingering=2" }, removed: [] } : ["a", "lingering"]]);
    mesh.clock.advance(60_000);
    expect(await told()).toEqual([]);
  });

  test("is no more than 64 at once", async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`lingering-${index}`, "1"]));
    const { mesh, client } = await connected({ a: "1", ...many });
    mesh.push({ [CLUSTER]: { a: "1" } });
    const { removed, resources } = client.one();
    expect(variant === "delta" ? removed.length : 101 - Object.keys(resources).length).toBe(36);
  });
});

test("what a client says that it has lingers for a client that returns", async () => {
  const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
  const client = mesh.connect("delta");
  await client.send({ typeUrl: CLUSTER, initialResourceVersions: { b: "x", lingering: "x" } });
  expect(client.one()).toMatchObject({ resources: { a: "a=1" }, removed: ["b"] });
  mesh.clock.advance(30_000);
  expect(client.one()).toMatchObject({ resources: {}, removed: ["lingering"] });
});
