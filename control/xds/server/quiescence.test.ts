import fc from "fast-check";
import { expect, test } from "vitest";
import type { Variant } from "./index.ts";
import { TestMesh } from "./testing/mesh.ts";
import { ModelClient } from "./testing/model-client.ts";
import { CLUSTER, ENDPOINT } from "./testing/snapshot.ts";

const NAMES = ["a", "b", "c", "d"];

const type = fc.constantFrom(CLUSTER, ENDPOINT);
const name = fc.constantFrom(...NAMES);
const texts = fc.dictionary(name, fc.constantFrom("1", "2", "3", "bad"), { noNullPrototype: true });
const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("subscribe" as const), type, name: fc.oneof(name, fc.constant("*")) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unsubscribe" as const), type, name: fc.oneof(name, fc.constant("*")) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("push" as const), type, texts }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("process" as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reconnect" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("read" as const), reads: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), milliseconds: fc.constantFrom(100, 2000) }) },
);
type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never;

async function run(variant: Variant, mesh: TestMesh, client: ModelClient, one: Command): Promise<void> {
  // Endpoints have no wildcard; there `*` would be a name.
  if ("name" in one && one.name === "*" && one.type !== CLUSTER) return;
  if (one.do === "subscribe") await client.subscribe(one.type, one.name);
  else if (one.do === "unsubscribe") await client.unsubscribe(one.type, one.name);
  else if (one.do === "push") {
    mesh.push({ [one.type]: one.texts });
    if (variant === "sotw" && one.type === ENDPOINT) for (const name of NAMES) if (!(name in one.texts)) client.forgive(one.type, name);
  } else if (one.do === "process") await client.process(one.count);
  else if (one.do === "reconnect") await client.reconnect();
  else if (one.do === "read") client.read(one.reads);
  else mesh.clock.advance(one.milliseconds);
}

test.each(["delta", "sotw"] as const)(
  "whatever happened, in the end a client has what there is, and got nothing that it had (%s)",
  async (variant) => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const mesh = new TestMesh(
          { [CLUSTER]: { a: "1", b: "1" }, [ENDPOINT]: { a: "1", b: "1" } },
          { limits: { highWater: 60, unanswered: 3, stall: Infinity, firstRequest: Infinity } },
        );
        const client = new ModelClient(mesh, variant, [CLUSTER, ENDPOINT], NAMES);
        for (const one of commands) await run(variant, mesh, client, one);
        client.read(true);
        // A response of the state of the world that holds one bad resource is refused with all the others.
        if (variant === "sotw") mesh.push({ [CLUSTER]: { a: "4", c: "4" } });
        for (let i = 0; i < 20; i++) {
          await client.process();
          mesh.clock.advance(2000);
        }
        expect(client.ended).toBeUndefined();
        expect(client.unneeded).toEqual([]);
        for (const stream of mesh.server.streams()) expect(stream.settled).toBe(true);
        for (const typeUrl of [CLUSTER, ENDPOINT]) compare(variant, mesh, client, typeUrl);
      }),
      { numRuns: 300 },
    );
  },
);

function compare(variant: Variant, mesh: TestMesh, client: ModelClient, typeUrl: string): void {
  const view = mesh.group.snapshot.resources(typeUrl);
  for (const one of NAMES) {
    const resource = view.get(one);
    const text = resource === undefined ? undefined : Buffer.from(resource.value).toString();
    const cached = client.cache(typeUrl).get(one);
    if (!client.wants(typeUrl, one)) expect(cached).toBeUndefined();
    // What is refused leaves the one before; that a resource of such a type is gone cannot be said in the state of the world.
    else if (text?.includes("bad") !== true && (text !== undefined || variant === "delta" || typeUrl === CLUSTER))
      expect(cached, one).toBe(text);
  }
  const refused = mesh.server
    .status()
    .flatMap(({ types }) => types.filter((status) => status.typeUrl === typeUrl).flatMap((status) => status.refused));
  for (const { name: one, version } of refused)
    if (version !== "" && variant === "delta" && view.get(one)?.version === version)
      expect(Buffer.from(view.get(one)?.value ?? []).toString()).toContain("bad");
}
