import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, type TestContext, test } from "vitest";
import { RunningProxy } from "../../cli/testing/running-proxy.ts";
import { Namespace, namespacesUnavailable, Network } from "../../control/capture/testing/namespaces.ts";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";

// A workload whose connections come by TPROXY, which leaves them the address of the client. The rules are those of Istio's `istio-iptables` in that mode; `meshwright proxy --capture` sets none
// such, so they are set here.

const MAIN = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const APP = 4000;
const MARK = "1337";
const INBOUND = [
  ["-N", "MESH_INBOUND"],
  ["-A", "PREROUTING", "-p", "tcp", "-j", "MESH_INBOUND"],
  // What Envoy sends to the workload, and the answers to it.
  ["-A", "MESH_INBOUND", "-p", "tcp", "-m", "mark", "--mark", MARK, "-j", "RETURN"],
  ["-A", "MESH_INBOUND", "-p", "tcp", "-i", "lo", "-m", "mark", "!", "--mark", MARK, "-j", "RETURN"],
  ["-A", "MESH_INBOUND", "-p", "tcp", "--dport", "15021", "-j", "RETURN"],
  ["-A", "MESH_INBOUND", "-p", "tcp", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "MARK", "--set-mark", MARK],
  ["-A", "MESH_INBOUND", "-p", "tcp", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"],
  ["-A", "MESH_INBOUND", "-p", "tcp", "-j", "TPROXY", "--tproxy-mark", MARK, "--on-port", "15006"],
  ["-A", "PREROUTING", "-p", "tcp", "-m", "mark", "--mark", MARK, "-j", "CONNMARK", "--save-mark"],
  ["-A", "OUTPUT", "-p", "tcp", "-m", "connmark", "--mark", MARK, "-j", "CONNMARK", "--restore-mark"],
];

const MESH = `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { clusterIP: 10.96.0.10, selector: { app: reviews }, ports: [{ name: http, port: 80, targetPort: 9080 }, { name: tcp, port: 81, targetPort: 9081 }] }
`;

const target = {
  name: "envoy" as const,
  unavailable: async () =>
    (await envoyTarget.unavailable()) ?? (await namespacesUnavailable(["iptables"])) ?? (await transparencyUnavailable()),
};

/** Why this machine's kernel does not divert connections. */
async function transparencyUnavailable(): Promise<string | undefined> {
  await using probe = await Namespace.create(`mw-tproxy-${process.pid}`);
  const { code, errors } = await probe.run(
    0,
    "iptables",
    "-t",
    "mangle",
    "-A",
    "PREROUTING",
    "-p",
    "tcp",
    "-j",
    "TPROXY",
    "--on-port",
    "1",
  );
  return code === 0 ? undefined : `iptables has no TPROXY here (${errors.trim()}): load the module xt_TPROXY`;
}

let network: Network | undefined;
let folder: string;
const running: RunningProxy[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-transparent-"));
  await writeFile(join(folder, "mesh.yaml"), MESH);
  if ((await target.unavailable()) !== undefined) return;
  network = await Network.create();
  const { there } = network;
  await Promise.all([9080, 9081, 7070].map((port) => there.serve(APP, port)));
  const meshwright = (...parameters: string[]) => {
    const process_ = new RunningProxy("ip", ["netns", "exec", there.name, process.execPath, MAIN, ...parameters]);
    // What was started last ends first.
    running.unshift(process_);
    return process_;
  };
  await meshwright("serve", "--config", folder).line("control service is ready");
  const metadata = JSON.stringify({ LABELS: { app: "reviews" }, INTERCEPTION_MODE: "TPROXY" });
  const node = "sidecar~10.99.0.2~reviews-1.default~default.svc.cluster.local";
  await meshwright("proxy", "--proxy", node, "--control", "127.0.0.1:15010", "--metadata", metadata, "--drain-time", "0s").line(
    "Envoy serves",
  );
  await there.ip("rule", "add", "fwmark", MARK, "lookup", "133");
  await there.ip("route", "add", "local", "default", "dev", "lo", "table", "133");
  for (const rule of INBOUND) {
    const { code, errors } = await there.run(0, "iptables", "-t", "mangle", ...rule);
    if (code !== 0) throw new Error(`iptables ${rule.join(" ")}: ${errors}`);
  }
});
afterAll(async () => {
  for (const each of running) await each.end();
  await network?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function within(context: TestContext): Promise<Network> {
  await requireTarget(target, context);
  if (network === undefined) throw new Error("there is no network");
  return network;
}

test("requests come through the sidecar, and the workload sees the address of the client", async (context) => {
  const { here } = await within(context);
  expect(await here.get(APP, "http://10.99.0.2:9080/", "reviews")).toMatchObject({
    status: 200,
    server: "istio-envoy",
    local: "10.99.0.2:9080",
    remote: "10.99.0.1",
  });
});

test.for([9081, 7070])("bytes do too, on port %i", async (port, context) => {
  const { here } = await within(context);
  expect(await here.get(APP, `http://10.99.0.2:${port}/`)).toMatchObject({ status: 200, local: `10.99.0.2:${port}`, remote: "10.99.0.1" });
});
