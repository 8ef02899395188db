import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { binaryProvider, connectionManager, envoyTarget, listener, stringValue, typed, type Extension } from "../../harness/envoy/index.ts";
import { pluginConfig } from "../../harness/envoy/chain/plugin.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { until } from "../../harness/until.ts";
import { compileFilter } from "../testing/assembly.ts";

// Envoy's own contexts, of which a module without per-stream state is not told when they end. What the SDK does about it over time stands in stateless.test.ts.

/** Of both plugins, which share a VM. */
const NAME = "stateless";
const LISTENERS = ["left", "right"] as const;
type Side = (typeof LISTENERS)[number];

/** The filter of `testing/stateless/` in two listeners, each with a configuration of its own that is read from a file, and a route that answers with what the filter made of the request. */
async function start(folder: string) {
  const module = await compileFilter(join(import.meta.dirname, "testing/stateless/index.ts"));
  const pathOf = (side: Side) => join(folder, `${side}.json`);
  const put = async (side: Side, configuration: string) => {
    const config = { ...pluginConfig({ name: NAME, module }), configuration: stringValue(configuration) };
    const resource = {
      "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
      name: side,
      typed_config: typed("filters.http.wasm.v3.Wasm", { config }),
    };
    await writeFile(`${pathOf(side)}.next`, JSON.stringify({ resources: [resource] }));
    await rename(`${pathOf(side)}.next`, pathOf(side));
  };
  const listeners = [];
  for (const side of LISTENERS) {
    await put(side, side);
    const discovered = {
      name: side,
      config_discovery: {
        config_source: { resource_api_version: "V3", path_config_source: { path: pathOf(side) } },
        type_urls: ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
      },
    } as unknown as Extension;
    const route = {
      match: { prefix: "/" },
      direct_response: { status: 200 },
      response_headers_to_add: [{ header: { key: "x-held", value: "%REQ(x-held)%" } }],
    };
    const manager = connectionManager({ stat_prefix: side }, [discovered], [{ name: "all", domains: ["*"], routes: [route] }]);
    listeners.push(listener(side, [{ filters: [manager] }]));
  }
  const envoy = await binaryProvider.start(
    { node: { id: NAME, cluster: NAME }, static_resources: { listeners, clusters: [] } },
    { componentLogLevels: { wasm: "info" } },
  );
  const reloads = async (side: Side) =>
    Object.values((await envoy.admin.stats(`extension_config_discovery.*${side}.config_reload$`)).values)[0] ?? 0;
  const update = async (side: Side, configuration: string) => {
    const before = await reloads(side);
    await put(side, configuration);
    await until(
      `${configuration} is taken`,
      () => reloads(side),
      (count) => count > before,
    );
  };
  const send = async (side: Side, headers: Record<string, string> = {}) => {
    const { headers: answered } = await fetch(`http://127.0.0.1:${envoy.address(side).port}/`, { headers });
    return [answered.get("x-configuration"), answered.get("x-held")];
  };
  const begun = (side: Side, count: number) =>
    until(
      `${count} requests have come`,
      () => envoy.admin.stats(`http.${side}.downstream_rq_total$`),
      ({ values }) => Object.values(values)[0] === count,
    );
  const ended = (...configurations: string[]) =>
    until(
      "they are ended",
      async () => {
        envoy.log.refresh();
        return envoy.log.entries.flatMap((entry) => (entry.kind === "log" ? (/deleted: (\w+)/.exec(entry.message)?.[1] ?? []) : []));
      },
      (names) => configurations.every((name) => names.includes(name)),
    );
  return { envoy, update, send, begun, ended };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-stateless-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test(
  "A configuration without per-stream state outlives its successors as long as it has streams, and is then ended",
  { timeout: 60_000 },
  async (context) => {
    await requireTarget(envoyTarget, context);
    const { envoy, update, send, begun, ended } = await start(folder);
    await using _ = envoy;
    expect(await send("left")).toEqual(["left", null]);
    const early = send("left", { "x-hold": "a" });
    await begun("left", 2);
    for (let i = 1; i <= 20; i++) await update("left", `update${i}`);
    expect(await early).toEqual(["left", "a"]);
    expect(await send("left", { "x-hold": "b" })).toEqual(["update20", "b"]);
    await update("left", "last");
    await ended("left", "update19");
    expect(await send("left", { "x-hold": "c" })).toEqual(["last", "c"]);
  },
);

test(
  "Two plugins of one name in a VM have each their streams and their ticks, whatever becomes of the other",
  { timeout: 60_000 },
  async (context) => {
    await requireTarget(envoyTarget, context);
    const { envoy, update, send, begun, ended } = await start(folder);
    await using _ = envoy;
    const early = send("right", { "x-hold": "a" });
    await begun("right", 1);
    for (let i = 0; i < 2_000; i++) await send(i % 2 ? "left" : "right");
    expect(await early).toEqual(["right", "a"]);
    for (let i = 1; i <= 3; i++) await update("left", `update${i}`);
    for (let i = 0; i < 300; i++) expect(await send(i % 2 ? "left" : "right")).toEqual([i % 2 ? "update3" : "right", null]);
    await ended("left", "update1", "update2");
    expect(await Promise.all([send("left", { "x-hold": "b" }), send("right", { "x-hold": "c" })])).toEqual([
      ["update3", "b"],
      ["right", "c"],
    ]);
  },
);
