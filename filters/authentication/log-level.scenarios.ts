import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { binaryProvider, connectionManager, envoyTarget, httpWasm, listener } from "../../harness/envoy/index.ts";
import "../../harness/vitest.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { until } from "../../harness/until.ts";
import { pluginConfig } from "../../harness/envoy/chain/plugin.ts";
import { startTraced } from "../../harness/host/worker/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { ISSUER, keySet, signingKey } from "./tokens.mts";

// Envoy's log level, which its admin interface can change at any time; the filter asks for it ten times a second at most.

const module = await compileFilter(fileURLToPath(new URL("index.ts", import.meta.url)));
const configuration = { jwtRules: [{ issuer: ISSUER, jwks: keySet(await signingKey("ES256")) }] };
const NAME = "authorization";
const TOKEN = "Bearer a.b.c";

test("The log level is asked for ten times a second at most", async () => {
  const begin = performance.now();
  await using target = await startTraced({ filters: [{ name: "authentication", module, configuration }] });
  await target.trace();
  for (let i = 0; i < 500; i++) expect(await target.send({ path: "/", headers: [[NAME, TOKEN]] })).toRespond(401);
  const asked = (await target.trace()).flatMap(({ hostcalls }) => hostcalls.filter(({ hostcall }) => hostcall === "proxy_get_log_level"));
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.length).toBeLessThanOrEqual(1 + (performance.now() - begin) / 100);
});

test(
  "Decisions are written from soon after the log level is debug until soon after it no longer is",
  { timeout: 60_000 },
  async (context) => {
    await requireTarget(envoyTarget, context);
    const filter = httpWasm(pluginConfig({ name: "authentication", module, configuration }));
    const routes = [{ match: { prefix: "/" }, direct_response: { status: 200 } }];
    const manager = connectionManager({ stat_prefix: "main" }, [filter], [{ name: "all", domains: ["*"], routes }]);
    await using envoy = await binaryProvider.start({
      node: { id: "test", cluster: "test" },
      static_resources: { listeners: [listener("main", [{ filters: [manager] }])], clusters: [] },
    });
    const written = () => {
      envoy.log.refresh();
      return envoy.log.entries.filter((entry) => entry.kind === "log" && entry.message.includes('decision {"filter":"authentication"'))
        .length;
    };
    /** How many lines are there more than before so many requests. */
    const send = async (count: number) => {
      const before = written();
      for (let i = 0; i < count; i++) {
        const { status } = await fetch(`http://127.0.0.1:${envoy.address("main").port}/`, { headers: { [NAME]: TOKEN } });
        expect(status).toBe(401);
      }
      return written() - before;
    };
    expect(await send(5)).toBe(0);
    await envoy.admin.logging({ wasm: "debug" });
    await until(
      "it is written",
      () => send(1),
      (count) => count > 0,
    );
    const before = written();
    await send(20);
    await until(
      "all are written",
      async () => written() - before,
      (count) => count === 20,
    );
    await envoy.admin.logging({ wasm: "warning" });
    await until(
      "it is no longer written",
      () => send(1),
      (count) => count === 0,
    );
    expect(await send(20)).toBe(0);
  },
);
