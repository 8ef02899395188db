import { describe, expect, test } from "vitest";
import type { Variant } from "./index.ts";
import type { Response, TestClient } from "./testing/client.ts";
import { TestMesh } from "./testing/mesh.ts";
import { CLUSTER, SECRET } from "./testing/snapshot.ts";

// Secrets are the type that clients accept unchanged after they refused it; the rules of the tests add `#OCCASION` to their content.

/** A client that asked for secrets, with the first answers. */
async function asking(mesh: TestMesh, variant: Variant, names: readonly string[]): Promise<[TestClient, ...Response[]]> {
  const client = mesh.connect(variant);
  await client.send({ typeUrl: SECRET, ...(variant === "delta" ? { resourceNamesSubscribe: [...names] } : { resourceNames: [...names] }) });
  return [client, ...client.take()];
}

function refusedIn(mesh: TestMesh): readonly string[] {
  return mesh.server.status().flatMap(({ types }) => types.flatMap(({ refused }) => refused.map(({ name }) => name)));
}

const texts = (responses: readonly (Response | undefined)[]) =>
  responses.map((response) => Object.values(response?.resources ?? {}).join());
const AGAIN = /^b=1#\d+$/;

describe.each(["delta", "sotw"] as const)("a type whose clients accept unchanged what they refused (%s)", (variant) => {
  test("has each resource in a response of its own, so that a refusal is of one", async () => {
    const mesh = new TestMesh({ [SECRET]: { a: "1", b: "1", c: "1" } });
    const names = ["a", "b", "c", "missing"];
    const [client, ...responses] = await asking(mesh, variant, names);
    expect(texts(responses.slice(0, 3))).toEqual(["a=1", "b=1", "c=1"]);
    const [a, b, ...rest] = responses;
    if (a === undefined || b === undefined) throw new Error("too few responses");
    await client.ack(a, names);
    await client.nack(b, "no PEM", names);
    for (const response of rest) await client.ack(response, names);
    expect(refusedIn(mesh)).toEqual(["b"]);
  });

  test("has what was refused looked at again, in other bytes, when another was accepted and after half a minute", async () => {
    const mesh = new TestMesh({ [SECRET]: { a: "1", b: "1" } });
    const [client, a, b] = await asking(mesh, variant, ["a", "b"]);
    if (a === undefined || b === undefined) throw new Error("too few responses");
    await client.ack(a, ["a", "b"]);
    await client.nack(b, "no such file", ["a", "b"]);
    expect(client.take()).toEqual([]);
    mesh.push({ [SECRET]: { a: "2", b: "1" } });
    await client.ack(client.one(), ["a", "b"]);
    const again = client.one();
    expect(texts([again])).toEqual([expect.stringMatching(AGAIN)]);
    await client.nack(again, "no such file", ["a", "b"]);
    expect(client.take()).toEqual([]);
    expect(refusedIn(mesh)).toEqual(["b"]);
    mesh.clock.advance(31_000);
    const later = client.one();
    expect(texts([later])).toEqual([expect.stringMatching(AGAIN)]);
    expect(texts([later])).not.toEqual(texts([again]));
    await client.ack(later, ["a", "b"]);
    expect(refusedIn(mesh)).toEqual([]);
    mesh.clock.advance(31_000);
    expect(client.take()).toEqual([]);
  });

  test("has it looked at again by a client that returns, and sends a new one what all get", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { x: "1" }, [SECRET]: { b: "1" } });
    const client = mesh.connect(variant);
    await client.send({ typeUrl: CLUSTER, ...(variant === "delta" ? { initialResourceVersions: { x: "0" } } : { versionInfo: "0" }) });
    await client.ack(client.one());
    await client.send({ typeUrl: SECRET, ...(variant === "delta" ? { resourceNamesSubscribe: ["b"] } : { resourceNames: ["b"] }) });
    expect(texts([client.one()])).toEqual([expect.stringMatching(AGAIN)]);
    const [, first] = await asking(mesh, variant, ["b"]);
    expect(texts([first])).toEqual(["b=1"]);
  });
});

test("other types are not offered again", async () => {
  const mesh = new TestMesh({ [CLUSTER]: { a: "1" } });
  const client = mesh.connect("delta");
  await client.send({ typeUrl: CLUSTER });
  await client.nack(client.one(), "a is bad");
  mesh.clock.advance(61_000);
  expect(client.take()).toEqual([]);
  expect(refusedIn(mesh)).toEqual(["a"]);
});
