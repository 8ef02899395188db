import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { binaryProvider, connectionManager, envoyTarget, listener, stringValue, typed, type Extension } from "../../harness/envoy/index.ts";
import { pluginConfig } from "../../harness/envoy/chain/plugin.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { until } from "../../harness/until.ts";
import { compileFilter } from "../testing/assembly.ts";

// Envoy's own contexts, of which a module without per-stream state is not told when they end. What the SDK does about it over time stands in stateless.test.ts.

const NAME = "stateless";

/** The filter of `testing/stateless/`, whose configuration is read from a file, and a route that answers with what the filter made of the request. */
async function start(folder: string) {
  const module = await compileFilter(join(import.meta.dirname, "testing/stateless/index.ts"));
  const path = join(folder, "filter.json");
  const put = async (configuration: string) => {
    const config = { ...pluginConfig({ name: NAME, module }), configuration: stringValue(configuration) };
    const resource = {
      "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
      name: NAME,
      typed_config: typed("filters.http.wasm.v3.Wasm", { config }),
    };
    await writeFile(`${path}.next`, JSON.stringify({ resources: [resource] }));
    await rename(`${path}.next`, path);
  };
  await put("first");
  const discovered = {
    name: NAME,
    config_discovery: {
      config_source: { resource_api_version: "V3", path_config_source: { path } },
      type_urls: ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
    },
  } as unknown as Extension;
  const route = {
    match: { prefix: "/" },
    direct_response: { status: 200 },
    response_headers_to_add: [{ header: { key: "x-held", value: "%REQ(x-held)%" } }],
  };
  const manager = connectionManager({ stat_prefix: "main" }, [discovered], [{ name: "all", domains: ["*"], routes: [route] }]);
  const envoy = await binaryProvider.start(
    { node: { id: NAME, cluster: NAME }, static_resources: { listeners: [listener("main", [{ filters: [manager] }])], clusters: [] } },
    { componentLogLevels: { wasm: "info" } },
  );
  const reloads = async () => Object.values((await envoy.admin.stats("extension_config_discovery.*config_reload$")).values)[0];
  const send = async (headers: Record<string, string> = {}) => {
    const { headers: answered } = await fetch(`http://127.0.0.1:${envoy.address("main").port}/`, { headers });
    return [answered.get("x-configuration"), answered.get("x-held")];
  };
  const logged = (event: string) => {
    envoy.log.refresh();
    return envoy.log.entries.flatMap((entry) =>
      entry.kind === "log" ? (new RegExp(`${event}: (\\w+)`).exec(entry.message)?.[1] ?? []) : [],
    );
  };
  return { envoy, put, reloads, send, logged };
}

test(
  "A configuration without per-stream state outlives its successors as long as it has streams, and is then ended",
  { timeout: 60_000 },
  async (context) => {
    await requireTarget(envoyTarget, context);
    const folder = await mkdtemp(join(tmpdir(), "meshwright-stateless-"));
    try {
      const { envoy, put, reloads, send, logged } = await start(folder);
      await using _ = envoy;
      const before = (await reloads()) ?? 0;
      const update = async (configuration: string, count: number) => {
        await put(configuration);
        await until(`update ${count} is taken`, reloads, (value) => value === before + count);
      };
      expect(await send()).toEqual(["first", null]);
      const early = send({ "x-hold": "a" });
      await until(
        "it is held back",
        () => envoy.admin.stats("http.main.downstream_rq_active$"),
        ({ values }) => Object.values(values)[0] === 1,
      );
      for (let i = 1; i <= 20; i++) await update(`update${i}`, i);
      expect(await early).toEqual(["first", "a"]);
      expect(await send({ "x-hold": "b" })).toEqual(["update20", "b"]);
      await update("last", 21);
      await until(
        "the first is ended",
        () => logged("deleted"),
        (names) => names.includes("first") && names.includes("update19"),
      );
      expect(await send({ "x-hold": "c" })).toEqual(["last", "c"]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
