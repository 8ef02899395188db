import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { allOfEnvoy } from "../../envoy-api/reflection/registry.ts";
import { XDS_TYPES } from "../types/index.ts";
import { meshOfYaml, viewOfYaml } from "../types/testing/yaml-view.ts";
import { outcomeOf } from "./index.ts";
import { difference } from "./testing/difference.ts";
import { MESH, ROUTER, SIDECAR } from "./testing/mesh.ts";

// What EnvoyFilters change of what a sidecar, or a gateway, gets; and which of their patches change nothing, or cannot be applied. `npm run golden` writes these anew.

const folder = join(import.meta.dirname, "goldens");

type Proxy = Parameters<typeof viewOfYaml>[1];

function resources(yaml: string, proxy: Proxy): ReadonlyMap<string, string> {
  const view = viewOfYaml(yaml, proxy);
  const found = XDS_TYPES.flatMap((type) =>
    [...type.units(view)].flatMap((unit) =>
      type.translate(view, unit).map(({ name, message }) => {
        const json = toJson(type.schema, message, { registry: allOfEnvoy() });
        return [`${type.name} ${name}`, stringify(json, { lineWidth: 0, aliasDuplicateObjects: false })] as const;
      }),
    ),
  );
  return new Map(found);
}

function changes(yaml: string, proxy: Proxy): Record<string, readonly string[] | string> {
  const before = resources(MESH, proxy);
  const after = resources(MESH + yaml, proxy);
  const result: Record<string, readonly string[] | string> = {};
  for (const [name, text] of after) {
    const earlier = before.get(name);
    if (earlier !== text) result[name] = earlier === undefined ? text.split("\n").map((line) => `+ ${line}`) : difference(earlier, text);
  }
  for (const name of before.keys()) if (!after.has(name)) result[name] = "removed";
  return result;
}

test.for(readdirSync(folder).filter((file) => file.endsWith(".yaml") && !file.endsWith(".out.yaml")))("%s", async (file) => {
  const yaml = readFileSync(join(folder, file), "utf8");
  const result = { sidecar: changes(yaml, SIDECAR), gateway: changes(yaml, ROUTER) };
  await expect(
    stringify(result, { lineWidth: 0, aliasDuplicateObjects: false }),
    "run `npm run golden` where this is as it should be",
  ).toMatchFileSnapshot(join(folder, file.replace(/\.yaml$/, ".out.yaml")));
});

test("what has no EnvoyFilter is the very resource that was translated", () => {
  const view = viewOfYaml(MESH);
  for (const type of XDS_TYPES) expect([...type.units(view)]).not.toContain("added by EnvoyFilters");
  expect(outcomeOf).toBeTypeOf("function");
  expect(meshOfYaml(MESH).policies("EnvoyFilter")).toEqual([]);
});
