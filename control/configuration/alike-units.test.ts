import { create } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { typeUrl } from "../envoy-api/index.ts";
import { Mesh } from "../mesh/index.ts";
import { contributed, CONTRIBUTED, service, SETTINGS, workload } from "../mesh/testing/contributions.ts";
import { type MeshObject, objectKey, type Proxy, readProxy } from "../model/index.ts";
import type { XdsType } from "../xds/types/xds-type.ts";
import { Configurations } from "./configurations.ts";

const REVIEWS = "reviews.default.svc.cluster.local";

/** A type with one unit, of the ports of a proxy's workload; says how often it was made, and for whom. */
function ownType() {
  const made: string[] = [];
  const type: XdsType<typeof StringValueSchema> = {
    name: "own",
    schema: StringValueSchema,
    rules: { order: 1, complete: true, wildcard: true },
    units: () => ["unit"],
    translate(view) {
      const value = `${view.settings().trustDomain} ${view
        .inbound()
        .ports.map(({ targetPort }) => targetPort)
        .join()}`;
      made.push(value.split(" ")[1] ?? "");
      return [{ name: "unit", message: create(StringValueSchema, { value }) }];
    },
  };
  return { made, type };
}

function proxyAt(address: string): Proxy {
  const proxy = readProxy({ id: `sidecar~${address}~client.default~x`, metadata: {} });
  if (typeof proxy === "string") throw new Error(proxy);
  return proxy;
}

const reviews = contributed("reviews", (object) => ({ services: [service(object, REVIEWS, { selector: { app: "reviews" } })] }));
const podAt = (address: string): MeshObject =>
  contributed(`pod-${address}`, (object) => ({ workloads: [workload(object, address, { labels: { app: "reviews" } })] }));

function start(addresses: readonly string[], ...objects: readonly MeshObject[]) {
  const { made, type } = ownType();
  const configurations = new Configurations([type], Mesh.empty([CONTRIBUTED], SETTINGS).apply({ upserted: objects, removed: [] }).mesh);
  for (const address of addresses) configurations.add(proxyAt(address));
  const held = (address: string) => configurations.snapshotOf(proxyAt(address).id)?.resources(typeUrl(StringValueSchema)).get("unit");
  return { configurations, made, held };
}

test("what is made for one proxy is what those get that are alike, the very same", () => {
  const { made, held } = start(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"], reviews, podAt("10.0.0.3"), podAt("10.0.0.4"));
  // The first time tells the group that the unit is a proxy's own.
  expect(made).toEqual(["", "", "8080"]);
  expect(held("10.0.0.2")).toBe(held("10.0.0.1"));
  expect(held("10.0.0.3")).not.toEqual(held("10.0.0.1"));
  expect(held("10.0.0.4")).toBe(held("10.0.0.3"));
});

test("a change of one of them is no change of the others, and not made again for them", () => {
  const { configurations, made, held } = start(["10.0.0.1", "10.0.0.2", "10.0.0.3"], reviews);
  const before = held("10.0.0.1");
  made.length = 0;
  const { changed } = configurations.apply({ upserted: [podAt("10.0.0.2")], removed: [] });
  expect(changed.map(({ proxy }) => proxy.addresses[0])).toEqual(["10.0.0.2"]);
  expect(made).toEqual(["8080"]);
  expect(held("10.0.0.3")).toBe(before);
  expect(configurations.apply({ upserted: [], removed: [objectKey(podAt("10.0.0.2"))] }).changed).toHaveLength(1);
  expect(held("10.0.0.2")).toBe(before);
});

test("after a change of what they have in common it is made once for all", () => {
  const { configurations, made, held } = start(["10.0.0.1", "10.0.0.2", "10.0.0.3"], reviews);
  made.length = 0;
  const mine = contributed("settings", () => ({ settings: { ...SETTINGS, trustDomain: "other" } }));
  expect(configurations.apply({ upserted: [mine], removed: [] }).changed).toHaveLength(3);
  expect(made.length).toBeLessThan(3);
  expect(held("10.0.0.3")).toBe(held("10.0.0.1"));
});
