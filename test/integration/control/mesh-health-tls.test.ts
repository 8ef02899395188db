import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { connect, type SecureClientSessionOptions } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { credentials } from "@grpc/grpc-js";
import { afterAll, expect, test } from "vitest";
import { meshwright } from "../../../cli/testing/run.ts";
import { RunningProxy } from "../../../cli/testing/running-proxy.ts";
import { Serving } from "../../../cli/testing/serving.ts";
import type { HealthStatus } from "../../../control/admin/health-status.ts";
import type { ProxyStatus } from "../../../control/admin/proxy-status.ts";
import { newRequest } from "../../../control/identity/index.ts";
import { CertificateClient } from "../../../control/identity/testing/certificate-client.ts";
import { freePort } from "../../../control/xds/types/testing/free-port.ts";
import { envoyTarget } from "../../../harness/envoy/index.ts";
import { requireTarget } from "../../../harness/scenario/require-target.ts";
import { type Script, startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { until } from "../until.ts";

// What users run: `serve` over TLS, and two `meshwright proxy` that joined with tokens. Of two hosts one fails, by its status for Envoy (LRS) and by a header for the filter.

const MAIN = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));
const SERVICE = "reviews.test";
/** One for each proxy, at the port of the service. */
const BINDS = ["127.0.0.2", "127.0.0.3"] as const;
const nodeId = (caller: number) => `sidecar~127.0.0.1~caller-${caller}.default~default.svc.cluster.local`;
const identity = (caller: number) => `spiffe://cluster.local/ns/default/sa/caller-${caller}`;

const resources = new AsyncDisposableStack();
let folder: string;
let port: number;
let serving: Serving;
let hosts: readonly Upstream[];

const objects = (maxEjectionPercent: number) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: reviews }
spec:
  hosts: [${SERVICE}]
  ports: [{ number: ${port}, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [${hosts.map((upstream) => `{ address: ${upstream.host}, ports: { http: ${upstream.port} } }`).join(", ")}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec:
  host: ${SERVICE}
  trafficPolicy:
    loadBalancer: { simple: ROUND_ROBIN }
    outlierDetection: { consecutive5xxErrors: 0, interval: 1s, baseEjectionTime: 120s, maxEjectionPercent: ${maxEjectionPercent} }
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: ejection }
spec:
  url: builtin://ejection
  pluginConfig:
    rules: [{ name: failed, match: { headers: { x-failed: { present: true } } }, consecutive: 10000 }]
${BINDS.map(
  (bind, caller) => `---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: caller-${caller} }
spec:
  workloadSelector: { labels: { app: caller-${caller} } }
  egress: [{ port: { number: ${port}, protocol: HTTP, name: http }, bind: ${bind}, captureMode: NONE, hosts: ["./*"] }]
`,
).join("")}`;

const health = () => serving.get<HealthStatus>("/api/v1/health");
const proxies = async () => (await serving.get<{ readonly proxies: readonly ProxyStatus[] }>("/api/v1/status")).proxies;
const failing = () => `127.0.0.1:${hosts[0]?.port}`;

/** Requests without end: nothing is known without them. */
function call(bind: string): AsyncDisposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let stopped = false;
  const one = () =>
    new Promise<void>((resolve) => {
      const sent = request({ agent, host: bind, port, headers: { host: SERVICE } }, (response) => response.resume().on("close", resolve));
      sent.on("error", () => resolve());
      sent.end();
    });
  const done = (async () => {
    while (!stopped) {
      await one();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      await done;
      agent.destroy();
    },
  };
}

const xdsPort = () => Number(serving.xds.split(":").at(-1));

/** For one certificate of a caller. */
async function newToken(caller: number): Promise<string> {
  const account = ["-n", "default", "-s", `caller-${caller}`];
  const { output } = await meshwright(["token", "create", ...account, "--admin", serving.admin, "--token-file", serving.tokenFile]);
  return output.trim();
}

/** Sends an empty report, and gives the status of the answer. */
async function report(node: string, tls: SecureClientSessionOptions): Promise<number> {
  const session = connect(`https://127.0.0.1:${xdsPort()}`, { ...tls, servername: "istiod", rejectUnauthorized: false });
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({ ":method": "POST", ":path": "/api/v1/health-reports", "content-type": "application/json" });
      stream.on("response", ({ ":status": status }) => resolve(status ?? 0));
      stream.on("error", reject);
      stream.end(JSON.stringify({ node, time: 1, clusters: [], hosts: [], leftOut: 0 }));
    });
  } finally {
    session.destroy();
  }
}

async function startProxy(caller: number, roots: string): Promise<void> {
  const token = join(folder, `caller-${caller}.token`);
  await writeFile(token, await newToken(caller), { mode: 0o600 });
  const metadata = { LABELS: { app: `caller-${caller}` }, SERVICE_ACCOUNT: `caller-${caller}`, INTERCEPTION_MODE: "NONE" };
  const proxy = new RunningProxy(process.execPath, [
    ...[MAIN, "proxy", "--proxy", nodeId(caller), "--control", `127.0.0.1:${xdsPort()}`, "--log-format", "json"],
    ...["--metadata", JSON.stringify(metadata), "--control-ca", roots, "--token-file", token],
    ...["--admin", `unix:${folder}/caller-${caller}.admin`, "--status-port", "0", "--prometheus-port", "0", "--concurrency", "1"],
  ]);
  resources.defer(async () => void (await proxy.end()));
}

async function start(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "mesh-health-tls-"));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const upstream = async (script: Script) => resources.use(await startUpstream({ script, keep: 1 }));
  hosts = [await upstream(() => ({ status: 503, headers: [["x-failed", "yes"]] })), await upstream(() => ({ body: "good" }))];
  port = await freePort();
  await writeFile(join(folder, "mesh.yaml"), objects(10));
  serving = resources.use(
    await Serving.start(
      ...["--config", join(folder, "mesh.yaml"), "--state", join(folder, "state"), "--xds", "0.0.0.0:0"],
      ...["--mesh-health-callers", "2", "--mesh-health-interval", "1500ms"],
    ),
  );
  const roots = join(folder, "roots.pem");
  await writeFile(roots, (await meshwright(["certs", "--pem", "--admin", serving.admin])).output);
  for (const caller of BINDS.keys()) await startProxy(caller, roots);
  for (const bind of BINDS) resources.use(call(bind));
}
afterAll(() => resources.disposeAsync());

test("over TLS both sources are those of the proxy whose certificate it is, and a host that all find bad is out", async (context) => {
  await requireTarget(envoyTarget, context);
  await start();
  // Both compile the filter first, for which a busy machine takes seconds.
  const identities = async () => (await proxies()).map((proxy) => proxy.identity?.name).toSorted();
  await expect.poll(identities, { timeout: 60_000 }).toEqual([identity(0), identity(1)]);
  await expect.poll(async () => (await health()).hosts.length, { timeout: 60_000 }).toBe(1);
  const known = await until(
    "both callers have told of the host by both sources",
    async () => (await health()).hosts,
    ([host]) => host?.evidence.callers.filter(({ filter, loads }) => filter.failed > 0 && loads.failed > 0).length === BINDS.length,
  );
  expect(known).toMatchObject([{ address: failing(), state: "watched", share: 100, evidence: { bad: 2, good: 0 } }]);
  expect(known[0]?.evidence.callers.map(({ caller }) => caller).toSorted()).toEqual([nodeId(0), nodeId(1)]);
  const { key, csr } = await newRequest();
  using client = new CertificateClient(xdsPort(), credentials.createSsl(null, null, null, { rejectUnauthorized: false }));
  const cert = (await client.ask(csr, { bearer: await newToken(0) })).join("");
  // Mostly it is older, or comes sooner, than what the proxy itself has sent: but who sends it is known, without a token.
  expect([202, 409, 429]).toContain(await report(nodeId(0), { key, cert }));
  expect(await report(nodeId(1), { key, cert })).toBe(403);
  expect(await report(nodeId(0), {})).toBe(401);
  await writeFile(join(folder, "mesh.yaml"), objects(50));
  await until(
    "it is out",
    async () => (await health()).hosts,
    ([host]) => host?.state === "out",
  );
  const shown = await meshwright(["status", "--admin", serving.admin]);
  expect(shown.code).toBe(0);
  const line = shown.output.split("\n").find((text) => text.startsWith(failing()));
  expect(line).toMatch(new RegExp(`${SERVICE}:${port} +OUT +20\\S+Z +20\\S+Z +2 of 2 callers find it bad$`));
  const metrics = await (await fetch(`${serving.admin}/metrics`)).text();
  expect(metrics).toMatch(/^meshwright_health_reports_total\{result="taken"[^}]*\} [1-9]/m);
}, 180_000);
