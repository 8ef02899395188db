import { afterAll, beforeAll, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { type RunningEnvoy, RunningMesh } from "./running-mesh.ts";

let reviews: Upstream;
let mesh: RunningMesh;
let client: RunningEnvoy;

const service = (port: number) => `
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: reviews-v1}
spec: {address: 127.0.0.1, ports: {http: ${port}}, labels: {app: reviews, version: v1}}
`;

beforeAll(async () => {
  reviews = await startUpstream({ script: ({ path }) => ({ body: `reviews ${path}` }) });
  mesh = await RunningMesh.start({ "mesh.yaml": service(reviews.port) });
  client = await mesh.proxy("sidecar~10.0.0.1~client.default~default.svc.cluster.local");
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await reviews?.[Symbol.asyncDispose]();
});

test.each([
  "reviews:9080",
  "reviews.default:9080",
  "reviews.default.svc:9080",
  "reviews.default.svc.cluster.local:9080",
  "REVIEWS:9080",
  "reviews.default.svc.cluster.local.:9080",
])("reaches a service by %s", async (host) => {
  expect(await client.get(`http://${host}/a?b`)).toMatchObject({ status: 200, body: "reviews /a?b" });
});

test("follows an endpoint that moves", async () => {
  await using other = await startUpstream({ script: () => ({ body: "moved" }) });
  await mesh.apply({ "mesh.yaml": service(other.port) });
  expect(await client.get("http://reviews:9080/")).toMatchObject({ body: "moved" });
  await mesh.apply({ "mesh.yaml": service(reviews.port) });
  expect(await client.get("http://reviews:9080/")).toMatchObject({ body: "reviews /" });
});
