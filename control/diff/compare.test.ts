import { expect, test } from "vitest";
import { typeUrl } from "../envoy-api/index.ts";
import type { Proxy } from "../model/index.ts";
import { readProxy, type SourceChange } from "../model/index.ts";
import { readManifests } from "../model/manifest/index.ts";
import { encodeDelta } from "../xds/server/index.ts";
import { XDS_TYPES } from "../xds/types/index.ts";
import { compareMeshes } from "./compare.ts";
import { meshSides } from "./sides.ts";
import { workloadProxies } from "./workload-proxies.ts";

const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: reviews-v1 }
spec: { address: 10.0.0.1, labels: { app: reviews }, serviceAccount: reviews, locality: eu/a }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: edge }
spec: { address: 10.0.0.8, labels: { app: edge } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { app: edge }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [shop.test] }] }
`;
const route = (timeout: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec: { hosts: [reviews], http: [{ timeout: ${timeout}, route: [{ destination: { host: reviews } }] }] }
`;
const POLICY = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: closed }
spec: { selector: { matchLabels: { app: reviews } } }
`;

const sources = (files: Readonly<Record<string, string>>): ReadonlyMap<string, SourceChange> =>
  new Map([["objects", { files: Object.entries(files).map(([file, text]) => ({ file, ...readManifests(file, text) })), complete: true }]]);

async function compared(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>, only?: readonly Proxy[]) {
  const sides = await meshSides(sources(before), sources(after));
  return compareMeshes(sides, { proxies: only ?? workloadProxies(sides.after.mesh), peers: [], issuers: new Map() });
}

const names = (difference: Awaited<ReturnType<typeof compared>>) =>
  difference.groups.map(({ proxies, resources }) => [
    proxies.map(({ name }) => name).sort(),
    resources.map(({ change, type, name }) => `${change} ${type.name} ${name}`),
  ]);

test("proxies are those before workloads; where a Gateway selects one it is a gateway", async () => {
  const { after } = await meshSides(new Map(), sources({ "a.yaml": SERVICE }));
  expect(
    workloadProxies(after.mesh).map(({ id, type, identity, serviceAccount, locality }) => [id, type, identity, serviceAccount, locality]),
  ).toEqual([
    ["router~10.0.0.8~edge.default~default.svc.cluster.local", "router", true, "default", ""],
    ["sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local", "sidecar", true, "reviews", "eu/a"],
  ]);
});

test("nothing differs in a copy, wherever it is and however it is written", async () => {
  const { objects, problems, groups } = await compared(
    { "old/a.yaml": SERVICE + "---" + route("1s") },
    { "new/a.yaml": SERVICE, "new/b.yaml": `# the same\n${route("1s")}` },
  );
  expect({ objects, problems, groups }).toEqual({ objects: [], problems: { new: [], gone: [] }, groups: [] });
});

test("a route changes for those that call, in as many bytes as the protocol sends", async () => {
  const difference = await compared({ "a.yaml": SERVICE + "---" + route("1s") }, { "a.yaml": SERVICE + "---" + route("2s") });
  expect(difference.objects.map(({ change, object }) => [change, object.kind, object.metadata.name])).toEqual([
    ["changed", "VirtualService", "reviews"],
  ]);
  expect(names(difference)).toEqual([[["reviews-v1"], ["changed route 9080|reviews.default.svc.cluster.local"]]]);
  const [group] = difference.groups;
  const type = XDS_TYPES.find(({ name }) => name === "route");
  const [change] = group?.resources ?? [];
  if (type === undefined || change?.after === undefined) throw new Error("no route");
  const sent = encodeDelta(typeUrl(type.schema), { resources: [change.after], removed: [], version: "" }, "");
  expect(group?.bytes).toBe(sent.bytes.length);
});

test("a policy is for the proxy that it selects", async () => {
  const difference = await compared({ "a.yaml": SERVICE }, { "a.yaml": SERVICE, "b.yaml": POLICY });
  expect(difference.groups.map(({ proxies }) => proxies.map(({ name }) => name))).toEqual([["reviews-v1"]]);
});

test("a change of a cluster has its endpoints sent again", async () => {
  const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec: { host: reviews, trafficPolicy: { connectionPool: { tcp: { connectTimeout: 3s } } } }
`;
  const difference = await compared({ "a.yaml": SERVICE }, { "a.yaml": SERVICE, "b.yaml": rule });
  const cluster = "outbound|9080||reviews.default.svc.cluster.local";
  for (const { resources } of difference.groups)
    expect(resources.map(({ change, type, name }) => `${change} ${type.name} ${name}`)).toEqual(
      expect.arrayContaining([`changed cluster ${cluster}`, `again endpoint ${cluster}`]),
    );
  expect(difference.groups).not.toHaveLength(0);
});

test("an object that has an error now keeps its last good version, as in a service that runs", async () => {
  const difference = await compared(
    { "old/a.yaml": SERVICE, "old/r.yaml": route("1s") },
    { "new/a.yaml": SERVICE, "new/r.yaml": route("soon") },
  );
  expect(difference.groups).toEqual([]);
  expect(difference.problems.new.map(({ file, code, path }) => [file, code, path])).toEqual([
    ["new/r.yaml", "MW0004", "spec.http[0].timeout"],
  ]);
});

test("what is removed, and who never had it", async () => {
  const outside = readProxy({ id: "sidecar~10.9.9.9~a.other~other.svc.cluster.local", metadata: {} });
  if (typeof outside === "string") throw new Error(outside);
  const private_ = SERVICE.replace(
    "kind: Service\nmetadata: { name: reviews }",
    'kind: Service\nmetadata: { name: reviews, annotations: { networking.istio.io/exportTo: "." } }',
  );
  const inside = readProxy({ id: "sidecar~10.9.9.8~b.default~default.svc.cluster.local", metadata: {} });
  if (typeof inside === "string") throw new Error(inside);
  const difference = await compared({ "a.yaml": private_ }, {}, [outside, inside]);
  expect(difference.groups.map(({ proxies }) => proxies.map(({ id }) => id))).toEqual([[inside.id]]);
  expect(difference.groups[0]?.resources.every(({ change }) => change === "removed")).toBe(true);
});
