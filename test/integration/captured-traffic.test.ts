import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, type TestContext, test } from "vitest";
import { RunningProxy } from "../../cli/testing/running-proxy.ts";
import { type Namespace, namespacesUnavailable, Network } from "../../control/capture/testing/namespaces.ts";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";

// Two workloads in network namespaces of their own, each with a captured sidecar, of one mesh, with addresses of both families. The control service listens on loopback, so each side has its own, of
// the same files.

const MAIN = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const APP = 4000;
const HOST = "reviews.default.svc.cluster.local";
const ADDRESS = "http://10.96.0.10/";
const ADDRESS_6 = "http://[fd96::10]/";

const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: default }
spec:
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10, "fd96::10"]
  selector: { app: reviews }
  ports: [{ name: http, port: 80, targetPort: 9080 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: reviews-1, namespace: default, labels: { kubernetes.io/service-name: reviews } }
addressType: IPv4
ports: [{ name: http, port: 9080 }]
endpoints: [{ addresses: [10.99.0.2], conditions: { ready: true } }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: reviews-2, namespace: default, labels: { kubernetes.io/service-name: reviews } }
addressType: IPv6
ports: [{ name: http, port: 9080 }]
endpoints: [{ addresses: ["fd99::2"], conditions: { ready: true } }]
`;

const rule = (status: number) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec:
  hosts: [${HOST}]
  http:
    - match: [{ uri: { prefix: /gone } }]
      directResponse: { status: ${status} }
    - route: [{ destination: { host: ${HOST} } }]
`;

const target = {
  name: "envoy" as const,
  unavailable: async () => (await envoyTarget.unavailable()) ?? (await namespacesUnavailable(["nft"])),
};

let network: Network | undefined;
let folder: string;
const running: RunningProxy[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-captured-"));
  await Promise.all([writeFile(join(folder, "reviews.yaml"), SERVICE), writeFile(join(folder, "rules.yaml"), rule(410))]);
  if ((await target.unavailable()) !== undefined) return;
  network = await Network.create();
  const { here, there } = network;
  await here.ip("route", "add", "default", "via", "10.99.0.2");
  await here.ip("-6", "route", "add", "default", "via", "fd99::2");
  await Promise.all([there.serve(APP, 9080), there.serve(APP, 7070)]);
  await Promise.all([start(here, "sidecar~10.99.0.1~productpage.default"), start(there, "sidecar~10.99.0.2~reviews.default")]);
});
afterAll(async () => {
  for (const each of running) await each.end();
  await network?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function start(namespace: Namespace, node: string): Promise<void> {
  const meshwright = (...parameters: string[]) => {
    const process_ = new RunningProxy("ip", ["netns", "exec", namespace.name, process.execPath, MAIN, ...parameters]);
    // What was started last ends first.
    running.unshift(process_);
    return process_;
  };
  const service = meshwright("serve", "--config", folder);
  await service.line("control service is ready");
  const [, address = ""] = node.split("~");
  const metadata = JSON.stringify({
    LABELS: { app: node.includes("reviews") ? "reviews" : "productpage" },
    INSTANCE_IPS: `${address},${address.replace("10.99.0.", "fd99::")}`,
  });
  const id = `${node}~default.svc.cluster.local`;
  const proxy = meshwright(
    "proxy",
    "--capture",
    "--proxy",
    id,
    "--control",
    "127.0.0.1:15010",
    "--metadata",
    metadata,
    "--drain-time",
    "0s",
  );
  await proxy.line("Envoy serves");
}

async function within(context: TestContext): Promise<Network> {
  await requireTarget(target, context);
  if (network === undefined) throw new Error("there is no network");
  return network;
}

test("a call to a service's own address passes both sidecars", async (context) => {
  const { here } = await within(context);
  const answer = await here.get(APP, ADDRESS, HOST);
  expect(answer).toMatchObject({ status: 200, server: "istio-envoy" });
  // The service was called from beside it, not by the other side: by either family, as it has an endpoint of each.
  expect(answer.remote).toMatch(/^(127\.|::6$)/);
});

test("rules hold for it, from the moment in which their file changes", async (context) => {
  const { here } = await within(context);
  expect(await here.get(APP, `${ADDRESS}gone`, HOST)).toMatchObject({ status: 410 });
  await writeFile(join(folder, "rules.yaml"), rule(418));
  await expect.poll(() => here.get(APP, `${ADDRESS}gone`, HOST), { timeout: 10_000, interval: 100 }).toMatchObject({ status: 418 });
});

test("an address that the mesh does not know is reached through both as it is", async (context) => {
  const { here } = await within(context);
  expect(await here.get(APP, "http://10.99.0.2:7070/")).toMatchObject({ status: 200, local: "10.99.0.2:7070", remote: "127.0.0.6" });
});

test("a client without a sidecar is let in, through that of the service", async (context) => {
  const { here } = await within(context);
  // Envoy's user is the one whose traffic is not captured.
  const answer = await here.get(1337, "http://10.99.0.2:9080/", HOST);
  expect(answer).toMatchObject({ status: 200 });
  expect(answer.remote).toMatch(/^127\./);
});

test("IPv6 passes both sidecars too, to a service and to an address that the mesh does not know", async (context) => {
  const { here } = await within(context);
  const answer = await here.get(APP, ADDRESS_6, HOST);
  expect(answer).toMatchObject({ status: 200, server: "istio-envoy" });
  expect(await here.get(APP, "http://[fd99::2]:7070/")).toMatchObject({ status: 200, local: "fd99::2:7070", remote: "::6" });
});
