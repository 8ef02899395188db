import { readFileSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, type TestContext, test } from "vitest";
import { capturingResources } from "../../control/capture/testing/envoy.ts";
import { type Namespace, namespacesUnavailable, Network } from "../../control/capture/testing/namespaces.ts";
import { envoyBinary, envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { requireRoot } from "../proxy/capture.ts";
import { type Discovery, startDiscovery } from "../testing/discovery.ts";
import { isAlive, RunningProxy } from "../testing/running-proxy.ts";

// What is captured is seen in control/capture/capture.scenarios.ts; here that `meshwright proxy` sets the rules and takes them away.

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const APP = 4000;
const ENVOY_USER = 1337;
const UPSTREAM = "http://10.99.0.2:8080/";

const target = {
  name: "envoy" as const,
  unavailable: async () => (await envoyTarget.unavailable()) ?? (await namespacesUnavailable(["nft", "iptables"])),
};

let network: Network | undefined;
let discovery: Discovery;
let folder: string;
const running: RunningProxy[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-proxy-capture-"));
  await chmod(folder, 0o755);
  if ((await target.unavailable()) !== undefined) return;
  network = await Network.create();
  await Promise.all([network.here.serve(APP, 9090), network.there.serve(APP, 8080)]);
  // A Unix socket is reached from every network namespace.
  const socket = join(folder, "control");
  discovery = await startDiscovery(`unix:${socket}`, capturingResources({ self: "10.99.0.50", local: "10.99.0.1:9090" }));
  await chmod(socket, 0o777);
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.end("SIGKILL");
  if (network !== undefined) await remove(network.here);
});
afterAll(async () => {
  await network?.[Symbol.asyncDispose]();
  await discovery?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function within(context: TestContext): Promise<Network> {
  await requireTarget(target, context);
  if (network === undefined) throw new Error("there is no network");
  return network;
}

function start(namespace: Namespace, env: NodeJS.ProcessEnv = {}, ...parameters: string[]): RunningProxy {
  const id = "sidecar~10.99.0.1~reviews-v1.default~default.svc.cluster.local";
  const command = [process.execPath, MAIN, "proxy", "--capture", "--proxy", id, "--control", `unix:${join(folder, "control")}`];
  const proxy = new RunningProxy("ip", ["netns", "exec", namespace.name, ...command, "--drain-time", "0s", ...parameters], env);
  running.push(proxy);
  return proxy;
}

async function remove(namespace: Namespace): Promise<RunningProxy> {
  const proxy = new RunningProxy("ip", ["netns", "exec", namespace.name, process.execPath, MAIN, "proxy", "--remove-capture"]);
  await proxy.end("SIGWINCH");
  return proxy;
}

const rules = async (namespace: Namespace) => (await namespace.run(0, "nft", "list", "tables")).output;

test("captures traffic while it runs, with Envoy as a user of its own", async (context) => {
  const { here, there } = await within(context);
  const proxy = start(here);
  expect(await proxy.line("traffic is captured")).toMatchObject({ tool: "nft", user: "all" });
  const { pid } = await proxy.line("Envoy starts");
  await proxy.line("Envoy serves");
  expect(await here.get(APP, UPSTREAM)).toMatchObject({ via: ["outbound"], local: "10.99.0.2:8080" });
  expect(await there.get(APP, "http://10.99.0.1:9090/")).toMatchObject({ via: ["inbound"], remote: "127.0.0.6" });
  expect(await there.get(APP, "http://10.99.0.1:15021/healthz/ready")).toMatchObject({ status: 200, via: [] });
  const status = readFileSync(`/proc/${String(pid)}/status`, "utf8");
  expect(status).toMatch(new RegExp(`^Uid:\\t${ENVOY_USER}\\t${ENVOY_USER}\\t`, "m"));
  expect(status).toMatch(/^Groups:\s*$/m);

  expect(await proxy.end()).toBe(0);
  expect(await proxy.line("traffic is not captured any more")).toBeDefined();
  expect(await rules(here)).not.toContain("meshwright");
  expect(await here.get(APP, UPSTREAM)).toMatchObject({ via: [] });
});

test("killed, lets nothing by, until its rules are taken away", async (context) => {
  const { here, there } = await within(context);
  const proxy = start(here);
  const { pid } = await proxy.line("Envoy starts");
  await proxy.line("Envoy serves");
  await proxy.end("SIGKILL");
  await expect.poll(() => isAlive(pid)).toBe(false);
  expect(await here.get(APP, UPSTREAM)).toEqual({ error: "ECONNREFUSED" });
  expect(await there.get(APP, "http://10.99.0.1:9090/")).toEqual({ error: "ECONNREFUSED" });

  expect((await remove(here)).lines).toMatchObject([{ removed: true }]);
  expect(await rules(here)).not.toContain("meshwright");
  expect(await here.get(APP, UPSTREAM)).toMatchObject({ via: [] });
  expect((await remove(here)).lines).toMatchObject([{ removed: false, message: "there are no rules to take away" }]);
});

test("started again after it was killed, goes on with rules of its own, and leaves none", async (context) => {
  const { here } = await within(context);
  const killed = start(here);
  await killed.line("Envoy serves");
  await killed.end("SIGKILL");
  const proxy = start(here, {}, "--capture-tool", "iptables");
  await proxy.line("Envoy serves");
  expect(await here.get(APP, UPSTREAM)).toMatchObject({ via: ["outbound"] });
  expect(await rules(here)).not.toContain("meshwright_capture");
  expect(await proxy.end()).toBe(0);
  expect((await here.run(0, "iptables", "-t", "nat", "-S")).output).not.toContain("MESHWRIGHT");
});

test("lets nothing by either while a crashed Envoy is started again", async (context) => {
  const { here } = await within(context);
  const proxy = start(here);
  const { pid } = await proxy.line("Envoy starts");
  await proxy.line("Envoy serves");
  process.kill(Number(pid), "SIGKILL");
  await proxy.line("it is started again");
  const answer = await here.get(APP, UPSTREAM);
  // It may be back already; it must not have gone around.
  expect([["outbound"], undefined]).toContainEqual(answer.via);
  await proxy.line("Envoy serves", 2);
  expect(await here.get(APP, UPSTREAM)).toMatchObject({ via: ["outbound"] });
});

test("is the only one in its network namespace", async (context) => {
  const { here } = await within(context);
  const first = start(here);
  await first.line("Envoy serves");
  const second = start(here);
  expect(await second.end("SIGWINCH")).toBe(3);
  await second.line("another `meshwright proxy --capture` runs in this network namespace");
  expect((await remove(here)).lines.map(({ message }) => message).join("\n")).toContain("another `meshwright proxy --capture` runs");
  expect(await here.get(APP, UPSTREAM)).toMatchObject({ via: ["outbound"] });
});

test("runs an Envoy that its user cannot reach", async (context) => {
  const { here } = await within(context);
  const closed = join(folder, "closed");
  await mkdir(closed, { mode: 0o700 });
  const binary = join(closed, "envoy");
  await copyFile((await envoyBinary()).path, binary);
  await chmod(binary, 0o755);
  const proxy = start(here, { ENVOY_BIN: binary });
  await proxy.line("Envoy serves");
  expect(await here.get(APP, UPSTREAM)).toMatchObject({ via: ["outbound"] });
  expect(await proxy.end()).toBe(0);
});

test("is refused to who is not root, with what to do", () => {
  expect(() => requireRoot(4000)).toThrow("which takes root; this is");
  expect(() => requireRoot(0)).not.toThrow();
});
