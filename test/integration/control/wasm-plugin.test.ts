import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { tarOf, writeLayout } from "../../../control/modules/testing.ts";
import { answeringModule } from "../../../control/xds/types/testing/user-modules.ts";
import { filterFiles } from "../../../filters/index.ts";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { build } from "../../foreign/build.ts";
import { FOREIGN_MODULES } from "../../foreign/modules.ts";
import { Client, getAt } from "./client.ts";
import { type RunningEnvoy, RunningMesh } from "./running-mesh.ts";

// Modules of users by the control service: read, fetched, proved, and put between filters that protect, while requests come. `filters/fault` is taken for somebody else's.

const NODE = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local";

let web: Upstream;
let folder: string;
let mesh: RunningMesh;
let app: RunningEnvoy;

const plugin = (url: string, spec: object = {}): string =>
  stringify({
    apiVersion: "extensions.istio.io/v1alpha1",
    kind: "WasmPlugin",
    metadata: { name: "mine" },
    spec: { url, pluginConfig: aborts(418), match: [{ mode: "SERVER" }], ...spec },
  });
const aborts = (httpStatus: number) => ({
  rules: [{ name: "mine", match: { headers: { "x-mine": {} } }, abort: { httpStatus, percentage: { value: 100 } } }],
});
const denying = (name: string, path: string): string =>
  stringify({
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name },
    spec: { action: "DENY", rules: [{ to: [{ operation: { paths: [path] } }] }] },
  });
const DENY = denying("deny", "/secret");
const inbound = () => app.inbound("10.0.0.1:9080");
const status = async (path: string, headers: readonly string[] = []) => (await getAt(inbound(), "app", path, headers)).status;

beforeAll(async () => {
  web = await startUpstream();
  folder = await mkdtemp(join(tmpdir(), "wasm-plugin-"));
  mesh = await RunningMesh.start({
    "mesh.yaml": `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: app }
spec:
  ingress: [{ port: { number: 9080, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:${web.port}" }]
  egress: [{ hosts: ["*/*"] }]
`,
    "deny.yaml": DENY,
  });
  app = await mesh.proxy(NODE);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test("modules that come, move between the phases, and go let nothing past that is denied, and refuse nothing that is allowed", async () => {
  const module = join(folder, "moved.wasm");
  await copyFile(filterFiles("fault").module, module);
  const wrong: string[] = [];
  let answered = 0;
  let stopped = false;
  const run = async (path: string, expected: number): Promise<void> => {
    using client = new Client(inbound());
    while (!stopped) {
      const answer = await client.get("app", path).then(
        (each) => String(each.status),
        (error: unknown) => String(error),
      );
      answered += 1;
      if (answer !== String(expected)) wrong.push(`${path}: ${answer}`);
    }
  };
  const loops = [run("/", 200), run("/secret", 403), run("/secret", 403)];
  const steps: readonly (object | undefined)[] = [
    { phase: "AUTHZ" },
    { phase: "STATS" },
    { phase: "AUTHN" },
    undefined,
    { phase: "UNSPECIFIED_PHASE" },
    { phase: "AUTHZ", pluginConfig: aborts(429) },
    undefined,
  ];
  for (const spec of [...steps, ...steps]) {
    await mesh.apply({ "plugin.yaml": spec === undefined ? undefined : plugin(`file://${module}`, spec) });
    const before = answered;
    await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(before + 10);
    expect(await status("/", ["x-mine: 1"])).toBe(spec === undefined ? 200 : "pluginConfig" in spec ? 429 : 418);
  }
  stopped = true;
  await Promise.all(loops);
  expect([...new Set(wrong)]).toEqual([]);
});

test("a policy holds for connections that are open already, also where a module stands before it", async () => {
  await mesh.apply({ "deny.yaml": undefined, "plugin.yaml": plugin(`file://${filterFiles("fault").module}`, { phase: "AUTHZ" }) });
  using client = new Client(inbound());
  expect((await client.get("app", "/late")).status).toBe(200);
  await mesh.apply({ "late.yaml": denying("late", "/late") });
  expect((await client.get("app", "/late")).status).toBe(403);
  await mesh.apply({ "late.yaml": undefined, "plugin.yaml": undefined, "deny.yaml": DENY });
});

test.each([
  ["as it is, in a layer of its type", "application/vnd.module.wasm.content.layer.v1+wasm", (module: Buffer) => module],
  ["packed as plugin.wasm", "application/vnd.oci.image.layer.v1.tar+gzip", (module: Buffer) => gzipSync(tarOf("plugin.wasm", module))],
])("a module comes from an image on disk, %s, and only with the digest that is asked for", async (_, mediaType, pack) => {
  const layout = await mkdtemp(join(folder, "layout-"));
  const content = pack(await readFile(filterFiles("fault").module));
  const [digest = ""] = await writeLayout(layout, [{ tag: "v1", layers: [{ mediaType, content }] }]);
  await mesh.apply({ "plugin.yaml": plugin(`oci-layout://${layout}:v1`, { sha256: digest, phase: "AUTHZ" }) });
  expect([await status("/", ["x-mine: 1"]), await status("/"), await status("/secret")]).toEqual([418, 200, 403]);
  await mesh.apply({ "plugin.yaml": undefined });
  expect(await status("/", ["x-mine: 1"])).toBe(200);
  await mesh.apply({ "plugin.yaml": plugin(`oci-layout://${layout}:v1`, { sha256: "0".repeat(64), phase: "AUTHZ" }) });
  expect(mesh.service.problems().map(({ code, message }) => [code, message])).toEqual([["MW0012", expect.stringContaining(digest)]]);
  expect(await status("/")).not.toBe(200);
  await mesh.apply({ "plugin.yaml": undefined });
});

test("a module is read anew when its file changes, and a broken one leaves the one that was", async () => {
  const path = join(folder, "changing.wasm");
  const put = async (content: Uint8Array) => {
    await writeFile(`${path}.new`, content);
    await rename(`${path}.new`, path);
  };
  await put(await readFile(filterFiles("fault").module));
  await mesh.apply({ "plugin.yaml": plugin(`file://${path}`) });
  expect(await status("/", ["x-mine: 1"])).toBe(418);
  await put(Buffer.from("\0asm broken"));
  await mesh.apply({ "plugin.yaml": plugin(`file://${path}`, { pluginConfig: aborts(429) }) });
  expect(await status("/", ["x-mine: 1"])).toBe(429);
  // A module that refuses the configuration is not sent, and the proxy goes on with the one that it has.
  const refused = async () =>
    Number(/^meshwright_proofs_total\{[^}]*result="refused"[^}]*\} (\d+)/m.exec(await mesh.service.metrics.scrape())?.[1] ?? 0);
  const before = await refused();
  await put(await readFile(filterFiles("ratelimit").module));
  await expect.poll(refused, { timeout: 20_000 }).toBeGreaterThan(before);
  expect(await status("/", ["x-mine: 1"])).toBe(429);
  await mesh.apply({ "plugin.yaml": undefined });
});

test("a module that cannot be had closes what it is for, until it can", async () => {
  let there = false;
  const bytes = await readFile(filterFiles("fault").module);
  const server = createServer((_, response) => response.writeHead(there ? 200 : 404).end(there ? bytes : ""));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mine.wasm`;
  await mesh.apply({ "plugin.yaml": plugin(url) });
  expect(await status("/")).toBe(403);
  expect(mesh.service.problems()).toContainEqual(
    expect.objectContaining({
      level: "error",
      file: "plugin.yaml",
      message: expect.stringContaining("cannot be fetched: the server answers 404") as unknown,
    }),
  );
  there = true;
  await expect.poll(() => status("/"), { timeout: 20_000 }).toBe(200);
  expect(await status("/", ["x-mine: 1"])).toBe(418);
  // What is there serves on without the server, and an edit of the configuration does not want it.
  server.closeAllConnections();
  server.close();
  await mesh.apply({ "plugin.yaml": plugin(url, { pluginConfig: aborts(429) }) });
  expect(await status("/", ["x-mine: 1"])).toBe(429);
  // Another module, which nobody has: the proxy keeps what it has.
  await mesh.apply({ "plugin.yaml": plugin(`file://${folder}/nobody.wasm`) });
  expect(await status("/", ["x-mine: 1"])).toBe(429);
  await mesh.apply({ "plugin.yaml": undefined });
  expect(await status("/")).toBe(200);
});

test("a module from a URL is fetched again when its object changes, where that is said, and only then", async () => {
  let answer = 418;
  let fetched = 0;
  const server = createServer((_, response) => {
    fetched += 1;
    response.end(answeringModule(answer));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/answers.wasm`;
  const put = (priority: number, imagePullPolicy: string) => mesh.apply({ "plugin.yaml": plugin(url, { priority, imagePullPolicy }) });
  await put(1, "IfNotPresent");
  await expect.poll(() => status("/"), { timeout: 20_000 }).toBe(418);
  answer = 429;
  await put(2, "IfNotPresent");
  expect([await status("/"), fetched]).toEqual([418, 1]);
  await put(2, "Always");
  await expect.poll(() => status("/"), { timeout: 20_000 }).toBe(429);
  answer = 503;
  await put(3, "Always");
  await expect.poll(() => status("/"), { timeout: 20_000 }).toBe(503);
  await mesh.apply({ "plugin.yaml": undefined });
  server.closeAllConnections();
  server.close();
});

// Go's 2.7 MB take Envoy a second to compile for each thread, which shows nothing more.
const SDKS = FOREIGN_MODULES.filter(({ name }) => name !== "go");

test.for(SDKS)("a module in the words of another SDK does its job beside ours: $name", { timeout: 300_000 }, async (recipe, context) => {
  context.task.meta.target = "foreign";
  const built = await build(recipe);
  if ("missing" in built) {
    context.task.meta.notRun = built.missing;
    if (process.env["MESHWRIGHT_REQUIRE_ALL_TARGETS"] === "1") throw new Error(built.missing);
    return context.skip(built.missing);
  }
  await mesh.apply({ "plugin.yaml": plugin(`file://${built.module}`, { phase: "AUTHZ", pluginConfig: undefined }) });
  const answer = await getAt(inbound(), "app", "/api/items", ["x-user: alice-beta"]);
  expect([answer.status, answer.headers.get("x-filter")]).toEqual([200, "1"]);
  expect(web.requests.at(-1)?.headers).toContainEqual(["x-route", "canary"]);
  expect(await status("/secret")).toBe(403);
  await mesh.apply({ "plugin.yaml": undefined });
});
