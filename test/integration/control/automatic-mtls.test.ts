import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { freePort } from "../../../control/xds/types/testing/running-proxy.ts";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { until } from "../until.ts";
import { connectTo } from "./client.ts";
import { type RunningEnvoy, RunningMesh } from "./running-mesh.ts";

// A mesh of plain YAML, without a label or an account: that a workload takes mTLS is known from its proxy. Redirection is played by a server at the workload's address, which hands connections to
// its sidecar; the program listens at 127.0.0.1.

const ADDRESS = "127.0.0.2";
const CLIENT = "sidecar~10.0.0.1~client.default~default.svc.cluster.local";
const SERVER = `sidecar~${ADDRESS}~app-1.default~default.svc.cluster.local`;
const CLIENT_ID = "spiffe://cluster.local/ns/default/sa/client";
const SERVER_ID = "spiffe://cluster.local/ns/default/sa/app";

let app: Upstream;
let mesh: RunningMesh;
let client: RunningEnvoy;
let server: RunningEnvoy | undefined;
let redirecting: Server;

const yaml = (port: number) => `
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
inboundTrafficPolicy: { mode: LOCALHOST }
---
apiVersion: v1
kind: Service
metadata: { name: app }
spec: { selector: { app: app }, ports: [{ name: http, port: 80, targetPort: ${port} }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: app-1 }
spec: { address: ${ADDRESS}, labels: { app: app } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: one-request-each }
spec: { host: app, trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } } }
`;
const strict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default }
spec: { mtls: { mode: STRICT } }
`;

/** As iptables has it: to the sidecar where there is one, else to the program. */
function redirect(from: Socket): void {
  const to = server === undefined ? connect(app.port, "127.0.0.1") : connectTo(server.inbound(`${ADDRESS}:${app.port}`));
  from.pipe(to).pipe(from);
  from.on("error", () => to.destroy());
  to.on("error", () => from.destroy());
}

/** Who called, as the program saw it. */
async function call(): Promise<string> {
  const { status } = await client.get("http://app/");
  if (status !== 200) return String(status);
  const header = app.requests.at(-1)?.headers.find(([name]) => name === "x-forwarded-client-cert");
  return header === undefined ? "plain" : (/URI=([^;,]*)/.exec(header[1])?.[1] ?? "no URI");
}

const start = async (identity: boolean) => {
  const metadata = { SERVICE_ACCOUNT: "app", LABELS: { app: "app" } };
  server = identity ? await mesh.proxyWithIdentity(SERVER, identityOf(SERVER_ID), metadata) : await mesh.proxy(SERVER, metadata);
  await mesh.settled();
};
const stop = async () => {
  await server?.envoy[Symbol.asyncDispose]();
  server = undefined;
  await until(
    "the control service has noticed",
    async () => mesh.service.proxies().map(({ id }) => id),
    (ids) => !ids.includes(SERVER),
  );
};

beforeAll(async () => {
  app = await startUpstream({ script: () => ({ body: "app" }) });
  redirecting = createServer(redirect).listen(app.port, ADDRESS);
  await once(redirecting, "listening");
  mesh = await RunningMesh.start({ "mesh.yaml": yaml(app.port), "policy.yaml": "" }, { keepsState: true });
  client = await mesh.proxyWithIdentity(CLIENT, identityOf(CLIENT_ID), { SERVICE_ACCOUNT: "client" });
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await app?.[Symbol.asyncDispose]();
  redirecting?.close();
});

test("a workload without a proxy is called in plain text", async () => {
  expect(await call()).toBe("plain");
});

test("and so is one whose proxy has no identity", async () => {
  await start(false);
  expect(await call()).toBe("plain");
  await stop();
});

test("a proxy with an identity connects, and its workload is called by mTLS from then on", async () => {
  await start(true);
  expect(await call()).toBe(CLIENT_ID);
});

test("also where it takes nothing else", async () => {
  await mesh.apply({ "policy.yaml": strict });
  expect(await call()).toBe(CLIENT_ID);
});

test("and when the proxy's stream ends, since that is no sign of plain text", async () => {
  const requests = app.requests.length;
  await stop();
  // To the program itself, where TLS is no HTTP.
  expect(await call()).toBe("503");
  expect(app.requests.length).toBe(requests);
  await start(true);
  expect(await call()).toBe(CLIENT_ID);
});

test("and when the control service is started anew, before the proxy is back", async () => {
  await mesh.stopControl();
  await server?.envoy[Symbol.asyncDispose]();
  server = undefined;
  await mesh.startControl();
  await mesh.connected(CLIENT);
  expect(await call()).toBe("503");
  await start(true);
  expect(await call()).toBe(CLIENT_ID);
});

test("until its workload gets a proxy without", async () => {
  await mesh.apply({ "policy.yaml": "" });
  await stop();
  await start(false);
  expect(await call()).toBe("plain");
});

test("a proxy to which nothing is redirected is called by mTLS at the ports that its Sidecar has it listen on", async () => {
  const port = await freePort();
  const id = "sidecar~10.0.0.3~direct-1.default~default.svc.cluster.local";
  await mesh.apply({
    "direct.yaml": `
apiVersion: v1
kind: Service
metadata: { name: direct }
spec: { selector: { app: direct }, ports: [{ name: http, port: 80, targetPort: ${port} }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: direct-1 }
spec: { address: 127.0.0.1, labels: { app: direct } }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: direct }
spec:
  workloadSelector: { labels: { app: direct } }
  ingress: [{ port: { number: ${port}, protocol: HTTP, name: http }, bind: 127.0.0.1, captureMode: NONE, defaultEndpoint: "127.0.0.1:${app.port}" }]
`,
    "policy.yaml": strict,
  });
  const metadata = { SERVICE_ACCOUNT: "app", LABELS: { app: "direct" }, INTERCEPTION_MODE: "NONE", INSTANCE_IPS: "127.0.0.1" };
  await mesh.proxyWithIdentity(id, identityOf(SERVER_ID), metadata);
  await mesh.settled();
  const { status } = await client.get("http://direct/");
  expect(status).toBe(200);
  expect(app.requests.at(-1)?.headers.find(([name]) => name === "x-forwarded-client-cert")?.[1]).toContain(`URI=${CLIENT_ID}`);
});
