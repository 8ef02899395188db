import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { requireTarget } from "../scenario/require-target.ts";
import { startUpstream } from "../upstreams/index.ts";
import {
  binaryProvider,
  cluster,
  connectionManager,
  containerProvider,
  containerTarget,
  EnvoyError,
  envoyTarget,
  listener,
  validateConfig,
  type EnvoyProvider,
} from "./index.ts";
import { answering } from "./testing/answering.ts";

const owner = fileURLToPath(new URL("testing/owner.ts", import.meta.url));
// A kept connection would outlive its listener.
const ask = async ({ host, port }: { host: string; port: number }) =>
  (await fetch(`http://${host}:${port}/`, { headers: { connection: "close" } })).text();
/** What a child prints first. Rejects where it ends without a line. */
async function firstLine(child: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  const line = once(createInterface(child.stdout), "line").then(([text]) => String(text));
  const ended = once(child, "close").then(([code, signal]) => Promise.reject(new Error(`the child ended (${code ?? signal})`)));
  // Whichever comes second is of no interest.
  ended.catch(() => undefined);
  return Promise.race([line, ended]);
}

/** Of an Envoy process, from its command line. */
function folderOf(pid: number | undefined): string {
  const config = readFileSync(`/proc/${pid}/cmdline`, "utf8")
    .split("\0")
    .find((part) => part.includes("meshwright-envoy-"));
  if (config === undefined) throw new Error(`process ${pid} is no Envoy of the binary provider`);
  return dirname(config);
}
const PROVIDERS = [
  ["binary", binaryProvider, envoyTarget],
  ["container", containerProvider, containerTarget],
] as const;

describe.for(PROVIDERS)("Envoy by %s", ([name, provider, target]) => {
  test("serves until it is disposed of, and leaves nothing", async (context) => {
    await requireTarget(target, context);
    let address: { host: string; port: number };
    {
      await using envoy = await provider.start(answering("hello"));
      address = envoy.address("main");
      expect(await ask(address)).toBe("hello");
      expect(() => envoy.address("other")).toThrow("main");
    }
    await expect(ask(address)).rejects.toThrow("fetch failed");
  });

  test("several at once have ports of their own", async (context) => {
    await requireTarget(target, context);
    await using resources = new AsyncDisposableStack();
    const envoys = await Promise.all(["a", "b", "c"].map((text) => provider.start(answering(text))));
    for (const envoy of envoys) resources.use(envoy);
    expect(await Promise.all(envoys.map((envoy) => ask(envoy.address("main"))))).toEqual(["a", "b", "c"]);
  });

  test("a bootstrap that it does not take is refused with its reason", async (context) => {
    await requireTarget(target, context);
    const refused = provider.start({ static_resources: { listeners: [], listenerz: [] } as never });
    const error = await refused.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EnvoyError);
    expect(error).toMatchObject({ code: "refused", message: expect.stringContaining("listenerz") as string });
  });

  test("it ends when its owner is killed", async (context) => {
    await requireTarget(target, context);
    const child = spawn(process.execPath, [owner, name], { stdio: ["ignore", "pipe", "inherit"] });
    const line = await firstLine(child);
    const address = JSON.parse(line) as { host: string; port: number };
    expect(await ask(address)).toBe("hello");
    child.kill("SIGKILL");
    await vi.waitFor(() => expect(ask(address)).rejects.toThrow("fetch failed"), { timeout: 20_000, interval: 50 });
  });
});

describe("the binary", () => {
  test("has a folder of its own, which goes with it", async (context) => {
    await requireTarget(envoyTarget, context);
    const envoy = await binaryProvider.start(answering("hello"));
    const folder = folderOf(envoy.pid);
    expect(readdirSync(folder)).toContain("envoy.json");
    await envoy[Symbol.asyncDispose]();
    expect(existsSync(folder)).toBe(false);
    expect(() => process.kill(envoy.pid ?? 0, 0)).toThrow("ESRCH");
  });

  test("and its folder go when the owner is killed", async (context) => {
    await requireTarget(envoyTarget, context);
    const child = spawn(process.execPath, [owner, "binary"], { stdio: ["ignore", "pipe", "inherit"] });
    const line = await firstLine(child);
    const { pid } = JSON.parse(line) as { pid: number };
    const folder = folderOf(pid);
    expect(existsSync(folder)).toBe(true);
    child.kill("SIGKILL");
    await vi.waitFor(() => expect(existsSync(folder)).toBe(false), { timeout: 20_000, interval: 50 });
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), { timeout: 20_000, interval: 50 });
  });

  test("leaves no folder where its configuration cannot be written", async (context) => {
    await requireTarget(envoyTarget, context);
    const { TMPDIR } = process.env;
    const folder = mkdtempSync(join(tmpdir(), "meshwright-test-"));
    process.env["TMPDIR"] = folder;
    try {
      await expect(binaryProvider.start({ node: { id: 1n } } as never)).rejects.toThrow("BigInt");
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      if (TMPDIR === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = TMPDIR;
      rmSync(folder, { recursive: true });
    }
  });

  test("says that it ended when it ends by itself", async (context) => {
    await requireTarget(envoyTarget, context);
    await using envoy = await binaryProvider.start(answering("hello"));
    process.kill(envoy.pid ?? 0, "SIGKILL");
    expect(await envoy.exited).toBe("SIGKILL");
  });

  test.each([
    ["#!/bin/sh\necho 'envoy  version: 0123/1.20.0/Clean/RELEASE/BoringSSL'\n", "is Envoy 1.20.0; supported are 1.36"],
    ["#!/bin/sh\nexit 7\n", "does not run, or is no Envoy. Unset ENVOY_BIN to have one looked for"],
  ])("that is none of the supported is named", async (script, message) => {
    const folder = mkdtempSync(join(tmpdir(), "meshwright-binary-"));
    const { MESHWRIGHT_ENVOY_VERSION: _, ...environment } = process.env;
    try {
      const path = join(folder, "envoy");
      writeFileSync(path, script, { mode: 0o755 });
      const run = `import { binaryProvider } from ${JSON.stringify(new URL("binary.ts", import.meta.url).href)}; console.log(await binaryProvider.available());`;
      const child = spawn(process.execPath, ["--input-type=module", "--eval", run], {
        env: { ...environment, ENVOY_BIN: path },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const line = await firstLine(child);
      expect(line).toContain(path);
      expect(line).toContain(message);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("validation", () => {
  test("takes what Envoy takes, and tells why where it does not", async (context) => {
    await requireTarget(envoyTarget, context);
    await validateConfig(answering("hello"));
    await expect(validateConfig({ static_resources: { clusters: [{ name: "" }] } } as never)).rejects.toThrow(
      /Envoy does not take this configuration: .*name/is,
    );
    const folder = mkdtempSync(join(tmpdir(), "meshwright-test-"));
    try {
      const file = join(folder, "bad.yaml");
      writeFileSync(file, "static_resources:\n  listenerz: []\n");
      const error: unknown = await validateConfig(file).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: "refused",
        message: expect.stringMatching(/bad\.yaml: Envoy does not take.*listenerz/s) as string,
      });
      writeFileSync(file, "static_resources:\n  listeners: []\n");
      await validateConfig(file);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the admin interface", () => {
  async function started(provider: EnvoyProvider) {
    return provider.start(answering("hello"));
  }

  test("is typed", async (context) => {
    await requireTarget(envoyTarget, context);
    await using envoy = await started(binaryProvider);
    const { admin } = envoy;
    for (let i = 0; i < 3; i++) await ask(envoy.address("main"));
    expect(await admin.ready()).toBe(true);
    expect((await admin.stats("^http\\.main\\.downstream_rq_2xx$")).values).toEqual({ "http.main.downstream_rq_2xx": 3 });
    expect((await admin.serverInfo()).version).toMatch(/^1\.(3[6-9]|40)\.\d+$/);
    expect([...(await admin.listeners()).keys()]).toEqual(["main"]);
    expect(await admin.clusters()).toEqual([]);
    expect(JSON.stringify(await admin.configDump())).toContain("direct_response");
    expect(await admin.logging({ wasm: "trace" })).toMatchObject({ wasm: "trace" });
    expect((await admin.memory()).allocated).toBeGreaterThan(1_000_000);
    await admin.drain();
    await vi.waitFor(() => expect(ask(envoy.address("main"))).rejects.toThrow("fetch failed"), { timeout: 10_000 });
  });

  test("counts by cluster, host and histogram", async (context) => {
    await requireTarget(envoyTarget, context);
    await using upstream = await startUpstream({ script: () => ({ body: "hello" }) });
    const routes = [{ match: { prefix: "/" }, route: { cluster: "service" } }];
    const manager = connectionManager({ stat_prefix: "main" }, [], [{ name: "all", domains: ["*"], routes }]);
    await using envoy = await binaryProvider.start({
      static_resources: {
        listeners: [listener("main", [{ filters: [manager] }])],
        clusters: [cluster("service", upstream.host, upstream.port)],
      },
    });
    for (let i = 0; i < 2; i++) expect(await ask(envoy.address("main"))).toBe("hello");
    const [service, ...others] = await envoy.admin.clusters();
    expect(others).toEqual([]);
    expect(service).toMatchObject({
      name: "service",
      hosts: [
        { address: `${upstream.host}:${upstream.port}`, health: { eds_health_status: "HEALTHY" }, stats: { rq_total: 2, rq_error: 0 } },
      ],
    });
    // Workers hand their histograms over at the next flush of statistics, every 5 s.
    const name = "cluster.service.upstream_rq_time";
    await vi.waitFor(async () => expect((await envoy.admin.stats(`^${name}$`)).histograms).toEqual({ [name]: { count: 2 } }), {
      timeout: 15_000,
      interval: 200,
    });
  });

  test("an answer other than 200 is an error", async (context) => {
    await requireTarget(envoyTarget, context);
    await using envoy = await started(binaryProvider);
    await expect(envoy.admin.json("/none")).rejects.toMatchObject({ code: "admin", message: expect.stringContaining("404") as string });
  });
});
