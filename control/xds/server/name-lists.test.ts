import { describe, expect, test, vi } from "vitest";
import { NameLists } from "./name-lists.ts";
import { resourcesOf, TestMesh } from "./testing/mesh.ts";
import { CLUSTER, ENDPOINT, MapSnapshot, textResource } from "./testing/snapshot.ts";

const NAMES = Array.from({ length: 200 }, (_, index) => `service-${index}`);
const TEXTS = Object.fromEntries(NAMES.map((name) => [name, "1"]));
const VARIANTS = ["delta", "sotw"] as const;

/** What the first request of a type says in each variant. */
function subscription(variant: (typeof VARIANTS)[number], names: readonly string[]) {
  return variant === "delta" ? { typeUrl: ENDPOINT, resourceNamesSubscribe: [...names] } : { typeUrl: ENDPOINT, resourceNames: [...names] };
}

test("the same names are one list, found by their digest", () => {
  const lists = new NameLists();
  const read = vi.fn(() => NAMES);
  const request = (namesDigest: string | undefined) => ({
    namesDigest,
    get names() {
      return read();
    },
  });
  const first = lists.of(request("a"));
  expect(first).toEqual(new Set(NAMES));
  expect(lists.of(request("a"))).toBe(first);
  expect(lists.of(request("b"))).not.toBe(first);
  expect(lists.of(request(undefined))).toBeUndefined();
  expect(read).toHaveBeenCalledTimes(2);
});

describe.each(VARIANTS)("streams that ask for the same names (%s)", (variant) => {
  test("are answered by the same bytes, looked up once", async () => {
    const snapshot = new MapSnapshot("1", { [ENDPOINT]: resourcesOf(TEXTS) });
    const get = vi.spyOn(snapshot.resources(ENDPOINT), "get");
    const mesh = new TestMesh();
    mesh.group.push(snapshot, []);
    for (let count = 0; count < 20; count++) {
      const client = await mesh.connect(variant).send(subscription(variant, NAMES));
      const { resources } = client.one();
      expect(Object.keys(resources)).toEqual(NAMES);
      expect(client.stream.settled).toBe(false);
    }
    // Once for the answer, and in the state of the world once for each name that is subscribed to.
    expect(get.mock.calls.length).toBeLessThanOrEqual(2 * NAMES.length);
  });

  test("go their own ways when one of them asks for something else", async () => {
    const mesh = new TestMesh({ [ENDPOINT]: { ...TEXTS, other: "1" } });
    const [one, two] = [mesh.connect(variant), mesh.connect(variant)];
    for (const client of [one, two]) {
      await client.send(subscription(variant, NAMES));
      await client.ack(client.one(), NAMES);
    }
    const others = ["other", ...NAMES.slice(1)];
    const last = await one.send(
      variant === "delta"
        ? { typeUrl: ENDPOINT, resourceNamesSubscribe: ["other"], resourceNamesUnsubscribe: ["service-0"] }
        : { typeUrl: ENDPOINT, resourceNames: others, responseNonce: "1" },
    );
    await one.ack(last.one(), others);
    mesh.push({ [ENDPOINT]: { ...TEXTS, "service-0": "2", "service-1": "2", other: "2" } });
    expect(Object.keys(one.one().resources).toSorted()).toEqual(["other", "service-1"]);
    expect(Object.keys(two.one().resources).toSorted()).toEqual(["service-0", "service-1"]);
  });

  test("get what changed between the question and the answer once", async () => {
    const mesh = new TestMesh({ [ENDPOINT]: TEXTS });
    const client = mesh.connect(variant);
    client.reads = false;
    await client.send(subscription(variant, NAMES));
    await client.ack(client.one(), NAMES);
    mesh.push({ [ENDPOINT]: { ...TEXTS, "service-7": "2" } });
    expect(client.one().resources).toEqual({ "service-7": "service-7=2" });
  });
});

test("a list that does not fit into a response comes in several", async () => {
  const mesh = new TestMesh({ [ENDPOINT]: TEXTS }, { limits: { response: 3000 } });
  const client = await mesh.connect("delta").send(subscription("delta", NAMES));
  const responses = client.take();
  expect(responses.length).toBeGreaterThan(3);
  expect(responses.flatMap(({ resources }) => Object.keys(resources))).toEqual(NAMES);
});

test("names of a list that are not there are said to be removed", async () => {
  const mesh = new TestMesh({ [ENDPOINT]: resourcesWithout("service-3") });
  const client = await mesh.connect("delta").send(subscription("delta", NAMES));
  expect(client.one().removed).toEqual(["service-3"]);
});

test("endpoints of clusters that were sent before they were asked for are not left out, whatever the client says it has", async () => {
  const cluster = (name: string) => textResource(name, name, [{ typeUrl: ENDPOINT, name }]);
  const mesh = new TestMesh({ [ENDPOINT]: TEXTS });
  mesh.pushResources({ [CLUSTER]: NAMES.map(cluster) });
  const client = await mesh.connect("delta").send({ typeUrl: CLUSTER });
  await client.ack(client.one());
  const versions = Object.fromEntries(resourcesOf(TEXTS).map(({ name, version }) => [name, version]));
  await client.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: NAMES, initialResourceVersions: versions });
  expect(Object.keys(client.one().resources)).toEqual(NAMES);
});

function resourcesWithout(missing: string): Record<string, string> {
  return Object.fromEntries(Object.entries(TEXTS).filter(([name]) => name !== missing));
}
