import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "undici";
import { expect, test, type TestContext } from "vitest";
import { ISSUER, keySet, sign, signingKey } from "../../filters/authentication/tokens.mts";
import { compileFilter } from "../../filters/testing/assembly.ts";
import { binaryProvider, cluster, connectionManager, envoyTarget, httpWasm, listener, stringValue } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { startUpstream } from "../../harness/upstreams/index.ts";
import { until } from "./until.ts";
import { plantTrap, TRAP_HEADERS, type Afterwards } from "./mesh-reload/plant-trap.ts";

// What no in-process host can prove: that Envoy lets nothing past `mesh` while it has trapped, is made anew, or cannot be made anew. No input is
// known to trap it, so that these tests plant a trap.

const MESH = join(import.meta.dirname, "../../filters/mesh/index.ts");
const key = await signingKey("ES256");
const token = await sign(key);
const CONFIGURATION = {
  filters: [
    { name: "authentication", configuration: { jwtRules: [{ issuer: ISSUER, jwks: keySet(key) }], required: true } },
    {
      name: "authorization",
      configuration: { policies: [{ name: "readers", rules: [{ to: [{ operation: { paths: ["/items"] } }] }] }] },
    },
  ],
};

/** `mesh` with the trap behind one worker, in front of an upstream that remembers what came through. */
async function start(afterwards: Afterwards, context: TestContext) {
  await requireTarget(envoyTarget, context);
  const resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "meshwright-reload-"));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const filename = join(folder, "mesh.wasm");
  await writeFile(filename, plantTrap(await readFile(await compileFilter(MESH)), afterwards));
  const upstream = resources.use(await startUpstream());
  const mesh = httpWasm({
    name: "mesh",
    root_id: "downstream",
    vm_config: { vm_id: "mesh", runtime: "envoy.wasm.runtime.v8", code: { local: { filename } } },
    failure_policy: "FAIL_RELOAD",
    configuration: stringValue(JSON.stringify(CONFIGURATION)),
  });
  const routes = [{ match: { prefix: "/" }, route: { cluster: "upstream" } }];
  const manager = connectionManager({ stat_prefix: "main" }, [mesh], [{ name: "all", domains: ["*"], routes }]);
  const envoy = resources.use(
    await binaryProvider.start(
      {
        static_resources: {
          listeners: [listener("main", [{ filters: [manager] }])],
          clusters: [cluster("upstream", upstream.host, upstream.port)],
        },
      },
      { concurrency: 1 },
    ),
  );
  const { host, port } = envoy.address("main");
  const client = new Client(`http://${host}:${port}`);
  resources.defer(() => client.destroy());
  /** The status of one answer. */
  const ask = async (headers: Readonly<Record<string, string>> = {}, path = "/items"): Promise<number> => {
    const { statusCode, body } = await client.request({ method: "GET", path, headers });
    await body.dump();
    return statusCode;
  };
  const reloads = async (result: "success" | "failure"): Promise<number> => {
    const { values } = await envoy.admin.stats(`wasm\\..*vm_reload_${result}$`);
    return Object.values(values).reduce((sum, value) => sum + value, 0);
  };
  return { ask, reloads, came: upstream.requests, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

const GOOD = { authorization: `Bearer ${token}` };
/** With a token that would be let through, for the trap to be all that is in its way. */
const TRAPPING = { ...GOOD, ...Object.fromEntries(Array.from({ length: TRAP_HEADERS }, (_, i) => [`x-many-${i}`, "1"])) };

/** What came through before has been seen; the trap springs, and its own request is refused. */
async function trap({ ask, came }: Awaited<ReturnType<typeof start>>): Promise<void> {
  expect(await ask(GOOD)).toBe(200);
  expect(await ask()).toBe(401);
  expect(await ask(GOOD, "/admin")).toBe(403);
  expect(await ask(TRAPPING)).toBe(503);
  expect(came).toHaveLength(1);
}

test("a reload that works: until then all are refused, and then those who may not pass", async (context) => {
  await using run = await start("configures", context);
  await trap(run);
  await until(
    "mesh serves again",
    async () => {
      const without = await run.ask();
      expect([401, 503]).toContain(without);
      return run.ask(GOOD);
    },
    (status) => status === 200,
  );
  expect(await run.ask()).toBe(401);
  expect(await run.ask(GOOD, "/admin")).toBe(403);
  expect(await run.reloads("success")).toBe(1);
  // One came through before the trap, one behind it; none of those that were refused meanwhile.
  expect(run.came).toHaveLength(2);
});

test("a reload that fails, and all that follow: nothing passes, with a good token neither", async (context) => {
  await using run = await start("refuses", context);
  await trap(run);
  await until(
    "several reloads have failed",
    async () => {
      expect(await run.ask(GOOD)).toBe(503);
      expect(await run.ask()).toBe(503);
      return run.reloads("failure");
    },
    (failures) => failures >= 3,
  );
  expect(await run.reloads("success")).toBe(0);
  expect(run.came).toHaveLength(1);
});
