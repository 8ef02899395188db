import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ProxyStatus } from "../../control/admin/proxy-status.ts";
import { freePort } from "../../control/xds/types/testing/running-proxy.ts";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { getAt } from "../../test/integration/control/client.ts";
import { meshwright } from "../testing/run.ts";
import { RunningProxy } from "../testing/running-proxy.ts";
import { Serving } from "../testing/serving.ts";

// A workload of a virtual machine: its proxy registers with a WorkloadGroup and says how it is, and clients find it.

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

let folder: string;
let workload: Server;
let isHealthy: boolean;
let serving: Serving;
let port: number;
const running: RunningProxy[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "registration-"));
  isHealthy = false;
  workload = createServer((request, response) => {
    if (request.url === "/ready") response.writeHead(isHealthy && request.headers["x-probe"] === "it" ? 200 : 503);
    response.end("here");
  });
  await once(workload.listen(0, "127.0.0.1"), "listening");
  port = await freePort();
  const at = (workload.address() as AddressInfo).port;
  await writeFile(
    join(folder, "mesh.yaml"),
    `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: vm }, ports: [{ name: http, port: ${port} }] }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: client }
spec:
  workloadSelector: { labels: { app: client } }
  egress: [{ port: { number: ${port}, protocol: HTTP, name: http }, bind: 127.0.0.1, captureMode: NONE, hosts: ["./*"] }]
---
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: { name: vm }
spec:
  metadata: { labels: { app: vm } }
  template: { ports: { http: ${at} }, serviceAccount: vm }
  probe: { periodSeconds: 1, failureThreshold: 1, httpGet: { path: /ready, port: ${at}, httpHeaders: [{ name: X-Probe, value: it }] } }
`,
  );
  serving = await Serving.start("--config", folder);
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.end("SIGKILL");
  await serving?.[Symbol.asyncDispose]();
  workload.closeAllConnections();
  workload.close();
  await rm(folder, { recursive: true, force: true });
});

function start(name: string, metadata: object, ...parameters: readonly string[]): RunningProxy {
  const own = JSON.stringify({ INTERCEPTION_MODE: "NONE", ...metadata });
  const proxy = new RunningProxy(process.execPath, [
    ...[MAIN, "proxy", "--proxy", `sidecar~127.0.0.1~${name}.default~default.svc.cluster.local`, "--control", serving.xds],
    ...["--admin", `unix:${folder}/${name}.admin`, "--status-port", "0", "--prometheus-port", "0", "--concurrency", "1"],
    ...["--metadata", own, "--log-format", "json", ...parameters],
  ]);
  running.push(proxy);
  return proxy;
}

/** When a process says it, which takes long to start on a busy machine. */
const says = (process: { readonly lines: readonly { readonly message?: unknown }[] }, text: string) =>
  expect.poll(() => process.lines.map(({ message }) => message), { timeout: 60_000 }).toContainEqual(expect.stringContaining(text));

const answer = async () => {
  const { status, body } = await getAt({ port }, "web", "/");
  return `${status} ${body}`;
};

test("is found by clients from when it is healthy, and as long as it is", async (context) => {
  await requireTarget(envoyTarget, context);
  await says(start("client", { LABELS: { app: "client" } }), "Envoy serves");
  expect(await answer()).toMatch(/^503/);
  const vm = start("vm", { AUTO_REGISTER_GROUP: "vm", SERVICE_ACCOUNT: "vm" }, "-f", folder);
  await says(vm, "the workload is not healthy");
  await says(serving, "registered with WorkloadGroup vm");
  await says(serving, "a workload is not healthy");
  expect(await serving.objects()).toContain("vm-127.0.0.1");
  expect(await answer()).toMatch(/^503/);
  isHealthy = true;
  await expect.poll(answer, { timeout: 30_000 }).toBe("200 here");
  isHealthy = false;
  await expect.poll(answer, { timeout: 30_000 }).toMatch(/^503/);
  isHealthy = true;
  await expect.poll(answer, { timeout: 30_000 }).toBe("200 here");
  expect(await vm.end()).toBe(0);
}, 240_000);

test("says how it is over TLS too, by the certificate that its token brought it", async (context) => {
  await requireTarget(envoyTarget, context);
  await serving[Symbol.asyncDispose]();
  const state = join(folder, "state");
  serving = await Serving.start("--config", join(folder, "mesh.yaml"), "--state", state, "--xds", "0.0.0.0:0");
  const { admin, tokenFile, xds } = serving;
  const [roots, token] = [join(folder, "roots.pem"), join(folder, "vm.token")];
  await writeFile(roots, (await meshwright(["certs", "--pem", "--admin", admin])).output);
  const created = await meshwright(["token", "create", "-n", "default", "-s", "vm", "--admin", admin, "--token-file", tokenFile]);
  await writeFile(token, created.output, { mode: 0o600 });
  const secure = ["--control", `127.0.0.1:${xds.split(":").at(-1) ?? ""}`, "--control-ca", roots, "--token-file", token];
  const vm = start("vm", { AUTO_REGISTER_GROUP: "vm", SERVICE_ACCOUNT: "vm" }, "-f", join(folder, "mesh.yaml"), ...secure);
  await says(serving, "registered with WorkloadGroup vm");
  await says(serving, "a workload is not healthy");
  isHealthy = true;
  await says(serving, "a workload is healthy");
  expect(await serving.objects()).toContain("vm-127.0.0.1");
  const proxies = (await serving.get<{ readonly proxies: readonly ProxyStatus[] }>("/api/v1/status")).proxies;
  expect(proxies).toMatchObject([{ identity: { name: "spiffe://cluster.local/ns/default/sa/vm" } }]);
  expect(await vm.end()).toBe(0);
}, 240_000);

test("is refused under another service account, and says so", async (context) => {
  await requireTarget(envoyTarget, context);
  await says(start("vm", { AUTO_REGISTER_GROUP: "vm", SERVICE_ACCOUNT: "other" }), "Envoy serves");
  await says(serving, "may not register with WorkloadGroup vm: that wants the service account vm, and this proxy has other");
  expect(await serving.objects()).not.toContain("vm-127.0.0.1");
}, 240_000);
