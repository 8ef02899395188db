import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ClusterSchema } from "../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { typeUrl } from "../envoy-api/index.ts";
import { objectKey, type Proxy, readProxy } from "../model/index.ts";
import { XDS_TYPES } from "../xds/types/index.ts";
import { meshOfYaml } from "../xds/types/testing/yaml-view.ts";
import { Configurations } from "./configurations.ts";

const HOSTS = 20;
const services = Array.from(
  { length: HOSTS },
  (_, index) => `
apiVersion: v1
kind: Service
metadata: { name: s${index} }
spec: { clusterIP: 10.1.0.${index}, ports: [{ name: http, port: 80 }] }
---
`,
).join("");

const filter = (configPatches: object, more: object = {}) =>
  `${JSON.stringify({ apiVersion: "networking.istio.io/v1alpha3", kind: "EnvoyFilter", metadata: { name: "patches" }, spec: { configPatches: [configPatches], ...more } })}\n---\n`;
const merge = (value: object, match: object) => ({ applyTo: "CLUSTER", match, patch: { operation: "MERGE", value } });
const cluster = (index: number) => `outbound|80||s${index}.default.svc.cluster.local`;
const one = (timeout: string, more: object = {}) => filter(merge({ connect_timeout: timeout }, { cluster: { name: cluster(1) } }), more);
const forApp = (app: string) => ({ workloadSelector: { labels: { app } } });

function proxyOf(index: number, app: string, metadata: object = {}): Proxy {
  const proxy = readProxy({
    id: `sidecar~10.0.0.${index}~p-${index}.default~default.svc.cluster.local`,
    metadata: { LABELS: { app }, ...metadata },
  });
  if (typeof proxy === "string") throw new Error(proxy);
  return proxy;
}

const proxies = [proxyOf(1, "a"), proxyOf(2, "a"), proxyOf(3, "b", { ISTIO_VERSION: "1.29.1" })];

function start(yaml: string) {
  const configurations = new Configurations(XDS_TYPES, meshOfYaml(services + yaml));
  for (const proxy of proxies) configurations.add(proxy);
  const resource = (index: number, name: string) => {
    const { id } = proxies[index] ?? proxyOf(index, "");
    return configurations.snapshotOf(id)?.resources(typeUrl(ClusterSchema)).get(name);
  };
  const timeout = (index: number) =>
    fromBinary(ClusterSchema, resource(index, cluster(1))?.value ?? new Uint8Array()).connectTimeout?.seconds;
  return {
    configurations,
    resource,
    timeouts: () => proxies.map((_, index) => Number(timeout(index))),
    /** Whom a change is for, and what is another for them. */
    apply(yaml: string) {
      const upserted = meshOfYaml(yaml).objects("EnvoyFilter");
      const { changed, failures } = configurations.apply({
        upserted,
        removed: upserted.length === 0 ? ["EnvoyFilter/default/patches"] : [],
      });
      expect(failures).toEqual([]);
      return changed.map(({ proxy, changes }) => [proxy.name, changes.flatMap(({ names = ["everything"] }) => [...names])]);
    },
  };
}

test("a patch changes the one resource that it matches, for the proxies that it selects", () => {
  const mesh = start(one("1s", forApp("a")));
  expect(mesh.timeouts()).toEqual([1, 1, 10]);
  expect(mesh.apply(one("2s", forApp("a")))).toEqual([
    ["p-1", [cluster(1)]],
    ["p-2", [cluster(1)]],
  ]);
  expect(mesh.apply(one("2s", forApp("b")))).toEqual([
    ["p-1", [cluster(1)]],
    ["p-2", [cluster(1)]],
    ["p-3", [cluster(1)]],
  ]);
  expect(mesh.timeouts()).toEqual([10, 10, 2]);
  expect(mesh.apply(one("2s", forApp("nobody")))).toEqual([["p-3", [cluster(1)]]]);
  // From being the proxies' own it becomes what all share: named again, the same as before.
  const before = proxies.map((_, index) => mesh.resource(index, cluster(1)));
  expect(new Set(mesh.apply("").flatMap(([, names]) => names))).toEqual(new Set([cluster(1)]));
  expect(proxies.map((_, index) => mesh.resource(index, cluster(1)))).toEqual(before);
});

test("a patch of another priority that comes to the same changes nothing", () => {
  const mesh = start(one("1s"));
  expect(mesh.apply(one("1s", { priority: 5 }))).toEqual([]);
});

test("what a patch does not match is shared by all, and what it matches by those that are alike", () => {
  const mesh = start(one("1s", forApp("a")));
  for (let index = 0; index < HOSTS; index++) {
    const [first, second, third] = proxies.map((_, each) => mesh.resource(each, cluster(index)));
    expect(first).toBe(second);
    if (index !== 1) expect(first).toBe(third);
  }
});

test("patches match proxies by their metadata", () => {
  const match = { proxy: { proxyVersion: "^1\\.29\\." }, cluster: { name: cluster(1) } };
  const mesh = start(filter(merge({ connect_timeout: "3s" }, match)));
  expect(mesh.timeouts()).toEqual([10, 10, 3]);
});

test("what is added comes and goes with its object", () => {
  const own = (connect_timeout: string) =>
    filter({ applyTo: "CLUSTER", patch: { operation: "ADD", value: { name: "own", type: "STATIC", connect_timeout } } }, forApp("b"));
  const mesh = start("");
  expect(mesh.apply(own("1s"))).toEqual([["p-3", ["own"]]]);
  expect([mesh.resource(0, "own"), mesh.resource(2, "own")]).toEqual([undefined, expect.objectContaining({ name: "own" })]);
  expect(mesh.apply(own("2s"))).toEqual([["p-3", ["own"]]]);
  mesh.configurations.apply({ upserted: [], removed: meshOfYaml(own("2s")).objects("EnvoyFilter").map(objectKey) });
  expect(mesh.resource(2, "own")).toBeUndefined();
});
