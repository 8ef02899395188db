import { expect, test } from "vitest";
import { builtinFilters, checkFilterConfiguration } from "../../filter-schemas/index.ts";
import { readManifests } from "../../model/manifest/index.ts";
import { Kinds, readObject } from "../../model/objects/index.ts";
import { pluginOf } from "./contribution.ts";
import type { WasmPluginSpec } from "./fields.ts";
import { wasmPlugin } from "./index.ts";
import type { MeshObject } from "../../model/index.ts";

const kinds = new Kinds([wasmPlugin({ names: builtinFilters, check: checkFilterConfiguration })]);

function standInFor(spec: string) {
  const yaml = `apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: mine }\nspec: ${spec}\n`;
  const [manifest] = readManifests("a.yaml", yaml).manifests;
  if (manifest === undefined) throw new Error("no document");
  const { object, standIn } = readObject(manifest, kinds);
  expect(object).toBeUndefined();
  return standIn === undefined ? undefined : pluginOf(standIn as MeshObject<WasmPluginSpec>);
}

test.each([
  "{ url: 'oci://registry.test/a', phase: STATS }",
  "{ url: 'oci://registry.test/a' }",
  "{ url: 'oci://registry.test/a', phase: AUTHN, failStrategy: FAIL_OPEN }",
  "{ url: 'builtin://fault', pluginConfig: {} }",
])("what protects nothing leaves nothing: %s", (spec) => {
  expect(standInFor(spec)).toBeUndefined();
});

test("a module that protects is stood in for by one that is not there, for the same traffic", () => {
  const spec = "{ url: 'oci://registry.test/a', phase: AUTHZ, selector: { matchLabels: { app: a } }, match: [{ mode: SERVER }] }";
  expect(standInFor(spec)).toMatchObject({
    selector: { app: "a" },
    match: [{ mode: "SERVER", ports: [] }],
    phase: "AUTHN",
    failStrategy: "FAIL_CLOSE",
    type: "HTTP",
    module: { pull: "Never" },
  });
  expect(standInFor("{ url: 'file://a', phase: AUTHN, type: NETWORK, match: 5 }")).toMatchObject({ match: [], type: "NETWORK" });
});

test("a built-in filter that protects is stood in for by rules that allow nobody", () => {
  for (const name of ["authentication", "authorization"]) {
    const found = standInFor(`{ url: 'builtin://${name}', pluginConfig: { unknown: 1 } }`);
    expect(found).toMatchObject({ url: "builtin://authorization", pluginConfig: { policies: [{ name: "mine", action: "ALLOW" }] } });
    expect(checkFilterConfiguration("authorization", found?.pluginConfig)).toEqual([]);
  }
});
