import { afterAll, beforeAll, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { until } from "../../until.ts";
import { type RunningEnvoy, RunningMesh } from "../running-mesh.ts";

// Istio's task "Locality Load Balancing": failover to the next locality, and shares of localities.

const CLIENT = "sidecar~10.0.0.1~client.default~default.svc.cluster.local";
const PLACES = { near: "region1/zone1/a", zone: "region1/zone2/b", region: "region2/zone3/c", far: "region3/zone4/d" };
type Name = keyof typeof PLACES;
const NAMES: readonly Name[] = ["near", "zone", "region", "far"];

const upstreams = new Map<Name, Upstream>();
const broken = new Set<Name>();
let mesh: RunningMesh;
let client: RunningEnvoy;

const rule = (trafficPolicy: object) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: hello }
spec: { host: hello, trafficPolicy: ${JSON.stringify(trafficPolicy)} }
`;
const outlierDetection = { consecutive5xxErrors: 1, interval: "0.1s", baseEjectionTime: "300s", maxEjectionPercent: 100 };
const failover = (more: object = {}) =>
  rule({ loadBalancer: { simple: "ROUND_ROBIN", localityLbSetting: { enabled: true, ...more } }, outlierDetection });

/** The service, and a workload in each of the places. */
const workloads = (names: readonly Name[]) => `
apiVersion: v1
kind: Service
metadata: { name: hello }
spec: { selector: { app: hello }, ports: [{ name: http, port: 5000 }] }
${names
  .map(
    (name) => `---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: hello-${name} }
spec: { address: 127.0.0.1, ports: { http: ${upstreams.get(name)?.port ?? 0} }, labels: { app: hello }, locality: ${PLACES[name]} }
`,
  )
  .join("")}`;

const call = () => client.get("http://hello:5000/");

async function count(times: number): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (let done = 0; done < times; done += 10) {
    for (const { body } of await Promise.all(Array.from({ length: 10 }, call))) counts[body] = (counts[body] ?? 0) + 1;
  }
  return counts;
}

beforeAll(async () => {
  for (const name of NAMES)
    upstreams.set(name, await startUpstream({ script: () => (broken.has(name) ? { status: 503 } : { body: name }) }));
  mesh = await RunningMesh.start({ "services.yaml": workloads(NAMES), "rules.yaml": failover() });
  client = await mesh.proxy(CLIENT, {}, { region: "region1", zone: "zone1", subZone: "a" });
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  for (const upstream of upstreams.values()) await upstream[Symbol.asyncDispose]();
});

test("shares of localities", async () => {
  const distribute = [{ from: "region1/zone1/*", to: { "region1/zone1/*": 70, "region1/zone2/*": 20, "region3/zone4/*": 10 } }];
  await mesh.apply({ "rules.yaml": failover({ distribute }) });
  const { near = 0, zone = 0, far = 0, ...others } = await count(300);
  expect(others).toEqual({});
  expect(near).toBeGreaterThan(160);
  expect(near).toBeLessThan(260);
  expect(zone).toBeGreaterThan(20);
  expect(far).toBeGreaterThan(5);
  expect(far).toBeLessThan(zone);
});

test("without outlier detection all localities are the same", async () => {
  await mesh.apply({ "rules.yaml": rule({ loadBalancer: { simple: "ROUND_ROBIN", localityLbSetting: { enabled: true } } }) });
  expect(Object.keys(await count(60)).toSorted()).toEqual(["far", "near", "region", "zone"]);
});

test("the nearest that answers serves: first the own zone, then the region, then the one to fail over to", async () => {
  await mesh.apply({ "rules.yaml": failover({ failover: [{ from: "region1", to: "region2" }] }) });
  expect(await count(30)).toEqual({ near: 30 });
  for (const [broke, next] of [
    ["near", "zone"],
    ["zone", "region"],
    ["region", "far"],
  ] as const) {
    broken.add(broke);
    await until(`${next} serves`, call, ({ body }) => body === next);
    expect(await count(20)).toEqual({ [next]: 20 });
  }
});
