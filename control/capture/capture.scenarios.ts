import { mkdtemp, rm } from "node:fs/promises";
import { chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, type TestContext, test } from "vitest";
import { envoyBinary, envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { type CaptureEnvironment, captureHere, removeCapture, setCapture, type ToolName } from "./capture.ts";
import { type CaptureRequest, readCaptureOptions } from "./options.ts";
import { type Places, writeCapturingEnvoy } from "./testing/envoy.ts";
import { type Namespace, namespacesUnavailable, Network } from "./testing/namespaces.ts";
import { runHere } from "./tool.ts";

const TOOLS: readonly ToolName[] = ["nft", "iptables"];
const PROXY = 1337;
const APP = 4000;
const OTHER = 4001;
const SELF = "10.99.0.50";

const target = {
  name: "envoy" as const,
  unavailable: async () => (await envoyTarget.unavailable()) ?? (await namespacesUnavailable([...TOOLS, "ip6tables"])),
};

let network: Network | undefined;
let folder: string;

/** The service at 9090 and 15021 here, one at 8080 and 5432 there; Envoy between. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-capture-"));
  chmodSync(folder, 0o755);
  if ((await target.unavailable()) !== undefined) return;
  network = await Network.create();
  const { here, there } = network;
  await Promise.all([here.serve(APP, 9090), here.serve(APP, 15_021), there.serve(APP, 8080), there.serve(APP, 5432)]);
  await here.ip("route", "add", "default", "via", "10.99.0.2");
  await startEnvoy(here, { self: SELF, local: "10.99.0.1:9090" });
});
afterAll(async () => {
  await network?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function startEnvoy(namespace: Namespace, places: Places): Promise<void> {
  const config = join(folder, `${namespace.name}.json`);
  await writeCapturingEnvoy(config, places);
  const { path } = await envoyBinary();
  const envoy = namespace.spawn(PROXY, path, ["-c", config, "--disable-hot-restart", "--concurrency", "1", "--log-level", "error"]);
  envoy.stdout.resume();
  envoy.stderr.resume();
  await namespace.waitFor("http://127.0.0.1:15000/ready");
}

/** Rules of the namespace `here`; commands run in it. */
function environmentOf(namespace: Namespace): CaptureEnvironment {
  return {
    ...captureHere(),
    run: (command, parameters, input) => runHere("ip", ["netns", "exec", namespace.name, command, ...parameters], input),
  };
}

async function within(context: TestContext): Promise<{ here: Namespace; there: Namespace; environment: CaptureEnvironment }> {
  await requireTarget(target, context);
  if (network === undefined) throw new Error("there is no network");
  return { here: network.here, there: network.there, environment: environmentOf(network.here) };
}

function optionsOf(request: Partial<CaptureRequest> = {}) {
  const options = readCaptureOptions({ lists: {}, annotations: {}, ...request });
  if (!("families" in options)) throw new Error(options.join("\n"));
  return options;
}

beforeEach(async () => {
  if (network !== undefined) await removeCapture(environmentOf(network.here));
});

describe.each(TOOLS)("with %s", (tool) => {
  const capture = (environment: CaptureEnvironment, request: Partial<CaptureRequest> = {}) =>
    setCapture(optionsOf(request), environment, tool);

  test("what a service sends goes through the proxy, and arrives where it was meant for", async (context) => {
    const { here, environment } = await within(context);
    expect(await here.get(APP, "http://10.99.0.2:8080/")).toMatchObject({ via: [], local: "10.99.0.2:8080" });
    await capture(environment);
    expect(await here.get(APP, "http://10.99.0.2:8080/")).toMatchObject({
      via: ["outbound"],
      local: "10.99.0.2:8080",
      remote: "10.99.0.1",
    });
  });

  test("what the proxy sends goes straight on", async (context) => {
    const { here, environment } = await within(context);
    await capture(environment);
    expect(await here.get(PROXY, "http://10.99.0.2:8080/")).toMatchObject({ via: [], local: "10.99.0.2:8080" });
  });

  test("what comes goes through the proxy, and from there to the service", async (context) => {
    const { there, environment } = await within(context);
    expect(await there.get(APP, "http://10.99.0.1:9090/")).toMatchObject({ via: [], remote: "10.99.0.2" });
    await capture(environment);
    expect(await there.get(APP, "http://10.99.0.1:9090/")).toMatchObject({
      via: ["inbound"],
      local: "10.99.0.1:9090",
      remote: "127.0.0.6",
    });
  });

  test("ports that the proxy serves by itself are reached as they are", async (context) => {
    const { there, environment } = await within(context);
    await capture(environment);
    expect(await there.get(APP, "http://10.99.0.1:15021/")).toMatchObject({ via: [] });
  });

  test("a service that calls itself by its host name goes out and in again", async (context) => {
    const { here, environment } = await within(context);
    await capture(environment);
    expect(await here.get(APP, `http://${SELF}/`)).toMatchObject({ via: ["inbound", "outbound"], local: "10.99.0.1:9090" });
  });

  test.for(["127.0.0.1", "10.99.0.1"])("processes beside each other talk at %s without the proxy", async (address, context) => {
    const { here, environment } = await within(context);
    await capture(environment);
    expect(await here.get(APP, `http://${address}:9090/`)).toMatchObject({ via: [] });
  });

  test.for<[string, CaptureRequest["lists"], readonly string[], readonly string[]]>([
    ["excludeOutboundPorts", { excludeOutboundPorts: "5432" }, [], ["outbound"]],
    ["excludeOutboundIPRanges", { excludeOutboundIPRanges: "10.99.0.0/24,192.0.2.0/24" }, [], []],
    ["includeOutboundIPRanges of others", { includeOutboundIPRanges: "192.0.2.0/24" }, [], []],
    ["includeOutboundIPRanges", { includeOutboundIPRanges: "10.99.0.2" }, ["outbound"], ["outbound"]],
    ["no includeOutboundIPRanges, includeOutboundPorts", { includeOutboundIPRanges: "", includeOutboundPorts: "8080" }, [], ["outbound"]],
    ["excludeInterfaces", { excludeInterfaces: "eth0" }, [], []],
  ])("%s", async ([, lists, database, web], context) => {
    const { here, environment } = await within(context);
    await capture(environment, { lists });
    expect(await here.get(APP, "http://10.99.0.2:5432/")).toMatchObject({ via: database });
    expect(await here.get(APP, "http://10.99.0.2:8080/")).toMatchObject({ via: web });
  });

  test.for<[string, CaptureRequest["lists"], readonly string[]]>([
    ["excludeInboundPorts", { excludeInboundPorts: "9090" }, []],
    ["includeInboundPorts of others", { includeInboundPorts: "80,81" }, []],
    ["includeInboundPorts", { includeInboundPorts: "80, 9090" }, ["inbound"]],
    ["no includeInboundPorts", { includeInboundPorts: "" }, []],
    ["excludeInterfaces", { excludeInterfaces: "eth0" }, []],
  ])("%s", async ([, lists, via], context) => {
    const { there, environment } = await within(context);
    await capture(environment, { lists });
    expect(await there.get(APP, "http://10.99.0.1:9090/")).toMatchObject({ via });
  });

  test("of one user's traffic, nobody else's is captured, and of ports those that are named", async (context) => {
    const { here, there, environment } = await within(context);
    await capture(environment, { user: APP });
    expect(await here.get(APP, "http://10.99.0.2:8080/")).toMatchObject({ via: ["outbound"] });
    expect(await here.get(OTHER, "http://10.99.0.2:8080/")).toMatchObject({ via: [] });
    expect(await there.get(APP, "http://10.99.0.1:9090/")).toMatchObject({ via: [] });
    await capture(environment, { user: APP, lists: { includeInboundPorts: "9090" } });
    expect(await there.get(APP, "http://10.99.0.1:9090/")).toMatchObject({ via: ["inbound"] });
    expect(await here.get(APP, `http://${SELF}/`)).toMatchObject({ via: ["inbound", "outbound"] });
  });

  test("a family of addresses that Envoy does not listen on is closed, and open only where it is not captured", async (context) => {
    const { here, there, environment } = await within(context);
    await capture(environment);
    expect(await here.get(APP, "http://[fd99::2]:8080/")).toEqual({ error: "ECONNREFUSED" });
    expect(await there.get(APP, "http://[fd99::1]:9090/")).toEqual({ error: "ECONNREFUSED" });
    await capture(environment, { families: ["ipv4"] });
    expect(await here.get(APP, "http://[fd99::2]:8080/")).toMatchObject({ via: [] });
    expect(await here.get(APP, "http://10.99.0.2:8080/")).toMatchObject({ via: ["outbound"] });
  });

  test("set again nothing doubles, taken away nothing is left, and the rules of others stay", async (context) => {
    const { environment } = await within(context);
    const { run } = environment;
    await run("nft", ["-f", "-"], "add table ip others\nadd chain ip others c { type nat hook output priority -90; }\n");
    await run("iptables", ["-t", "nat", "-A", "OUTPUT", "-p", "tcp", "--dport", "7", "-j", "RETURN"]);
    try {
      const listed = async () => `${await run("nft", ["list", "ruleset"])}\n${await run("iptables", ["-t", "nat", "-S"])}`;
      const before = await listed();
      await capture(environment);
      const once = await listed();
      await capture(environment);
      expect(await listed()).toBe(once);
      expect(once).not.toBe(before);
      expect(await removeCapture(environment)).toBe(true);
      const withoutEmptyTables = (text: string) => text.replaceAll(/table ip6? nat \{[^]*?\n\}\n/g, "");
      expect(withoutEmptyTables(await listed())).toBe(withoutEmptyTables(before));
      expect(await removeCapture(environment)).toBe(false);
    } finally {
      await run("nft", ["delete", "table", "ip", "others"]);
      await run("iptables", ["-t", "nat", "-D", "OUTPUT", "-p", "tcp", "--dport", "7", "-j", "RETURN"]);
    }
  });

  test("taken away, traffic goes as it went before", async (context) => {
    const { here, there, environment } = await within(context);
    await capture(environment);
    await removeCapture(environment);
    expect(await here.get(APP, "http://10.99.0.2:8080/")).toMatchObject({ via: [] });
    expect(await there.get(APP, "http://10.99.0.1:9090/")).toMatchObject({ via: [], remote: "10.99.0.2" });
  });
});

test("rules that one tool left behind go when another sets its own", async (context) => {
  const { environment } = await within(context);
  await setCapture(optionsOf(), environment, "iptables");
  expect(await setCapture(optionsOf(), environment)).toBe("nft");
  expect(await environment.run("iptables", ["-t", "nat", "-S"])).not.toContain("MESHWRIGHT");
  await setCapture(optionsOf(), environment, "iptables");
  expect(await environment.run("nft", ["list", "tables"])).not.toContain("meshwright");
});

test.for(TOOLS)("with %s, IPv6 goes through a proxy that listens on it", async (tool, context) => {
  await within(context);
  await using other = await Network.create();
  const { here, there } = other;
  await Promise.all([here.serve(APP, 9090), there.serve(APP, 8080)]);
  const environment = environmentOf(here);
  await setCapture(optionsOf(), environment, tool);
  await startEnvoy(here, { self: SELF, local: "10.99.0.1:9090", bind: "::", from: "::6" });
  expect(await here.get(APP, "http://[fd99::2]:8080/")).toMatchObject({ via: ["outbound"], local: "fd99::2:8080" });
  expect(await here.get(PROXY, "http://[fd99::2]:8080/")).toMatchObject({ via: [] });
  expect(await there.get(APP, "http://[fd99::1]:9090/")).toMatchObject({ via: ["inbound"], local: "fd99::1:9090", remote: "::6" });
  await removeCapture(environment);
  expect(await environment.run("ip", ["-6", "address", "show", "dev", "lo"])).not.toContain("::6/128");
  expect(await there.get(APP, "http://[fd99::1]:9090/")).toMatchObject({ via: [], remote: "fd99::2" });
});
