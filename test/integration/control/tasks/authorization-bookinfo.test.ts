import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../../control/xds/types/testing/free-port.ts";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { Client, getAt, type Place } from "../client.ts";
import { type RunningEnvoy, RunningMesh } from "../running-mesh.ts";
import { spiffe } from "./identity-mesh.ts";

// Istio's task "HTTP Traffic" of authorization with the workloads that it has there: the page calls details and reviews, reviews calls ratings, each with an account of its own; nothing is allowed, then one after the other.

const APPS = ["productpage", "details", "reviews", "ratings"] as const;
type App = (typeof APPS)[number];
const PORT = 9080;
const addressOf = (app: App) => `10.96.1.${APPS.indexOf(app) + 1}`;

let mesh: RunningMesh;
const programs = new Map<App, Upstream>();
const sidecars = new Map<App, RunningEnvoy>();
const ports = new Map<App, number>();

function objectsOf(app: App): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { name: ${app} }
spec: { clusterIP: ${addressOf(app)}, selector: { app: ${app} }, ports: [{ name: http, port: ${PORT} }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${app}-v1 }
spec: { address: 127.0.0.1, labels: { app: ${app}, version: v1 }, serviceAccount: bookinfo-${app}, ports: { http: ${ports.get(app)} } }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: ${app} }
spec:
  workloadSelector: { labels: { app: ${app} } }
  ingress:
    - { port: { number: ${ports.get(app)}, protocol: HTTP, name: http }, bind: 127.0.0.1, captureMode: NONE, defaultEndpoint: "127.0.0.1:${programs.get(app)?.port}" }
  egress: [{ hosts: ["*/*"] }]
`;
}

/** A connection outlives a change of the listener that took it, for as long as that drains. */
const ONE_REQUEST_EACH = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: one-request-each, namespace: istio-system }
spec: { host: "*.svc.cluster.local", trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } } }
`;

const policy = (name: string, spec: string) => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: default }
spec: ${spec}
`;
const viewer = (app: App, caller?: App) => {
  const from = caller === undefined ? "" : `from: [{ source: { principals: ["cluster.local/ns/default/sa/bookinfo-${caller}"] } }], `;
  return policy(
    `${app}-viewer`,
    `{ selector: { matchLabels: { app: ${app} } }, action: ALLOW, rules: [{ ${from}to: [{ operation: { methods: ["GET"] } }] }] }`,
  );
};

beforeAll(async () => {
  for (const app of APPS) {
    programs.set(app, await startUpstream({ script: () => ({ body: app }) }));
    ports.set(app, await freePort());
  }
  mesh = await RunningMesh.start({ "mesh.yaml": ONE_REQUEST_EACH + APPS.map(objectsOf).join(""), "rules.yaml": "" });
  for (const app of APPS) {
    const id = `sidecar~127.0.0.1~${app}-v1.default~default.svc.cluster.local`;
    const metadata = { SERVICE_ACCOUNT: `bookinfo-${app}`, LABELS: { app, version: "v1" } };
    sidecars.set(app, await mesh.proxyWithIdentity(id, identityOf(spiffe("default", `bookinfo-${app}`)), metadata));
  }
  await mesh.settled();
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  for (const program of programs.values()) await program[Symbol.asyncDispose]();
});

/** Where a caller finds an app: by its sidecar, or, as the browser, at the app's own. */
function place(from: App | "browser", to: App): Place {
  if (from === "browser") return { port: ports.get(to) ?? 0 };
  const sidecar = sidecars.get(from);
  if (sidecar === undefined) throw new Error(`${from} has no sidecar`);
  return sidecar.outbound(`${addressOf(to)}:${PORT}`);
}

const get = async (from: App | "browser", to: App) => (await getAt(place(from, to), `${to}:${PORT}`, "/")).status;

/** What the task looks at: the page, and on it what comes of details, of reviews, and in those of ratings. */
const seen = () =>
  Promise.all([get("browser", "productpage"), get("productpage", "details"), get("productpage", "reviews"), get("reviews", "ratings")]);

test("each policy opens one workload more, to its callers alone", { timeout: 240_000 }, async () => {
  const applied = [policy("allow-nothing", "{}")];
  const apply = async (more?: string) => {
    if (more !== undefined) applied.push(more);
    await mesh.apply({ "rules.yaml": applied.join("") });
    return await seen();
  };
  expect(await seen()).toEqual([200, 200, 200, 200]);
  expect(await apply()).toEqual([403, 403, 403, 403]);
  expect(await apply(viewer("productpage"))).toEqual([200, 403, 403, 403]);
  expect(await apply(viewer("details", "productpage"))).toEqual([200, 200, 403, 403]);
  expect(await apply(viewer("reviews", "productpage"))).toEqual([200, 200, 200, 403]);
  expect(await apply(viewer("ratings", "reviews"))).toEqual([200, 200, 200, 200]);
  expect(await Promise.all([get("productpage", "ratings"), get("reviews", "details"), get("browser", "reviews")])).toEqual([403, 403, 403]);
  using client = new Client(place("productpage", "details"));
  expect((await client.post(`details:${PORT}`, "/", Buffer.from("body"))).status).toBe(403);
});
