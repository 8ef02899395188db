import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { filterFiles } from "../../filters/index.ts";
import { Host } from "../../harness/host/index.ts";

// What the pages and examples of filters show must be right: by the JSON Schemas that users validate with, and by the modules themselves.

const repository = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string) => readFileSync(join(repository, file), "utf8");
const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
const wasmPlugin = ajv.compile(JSON.parse(read("test/docs/wasm-plugin.schema.json")) as object);
const filters = globSync("filters/*/*.schema.json", { cwd: repository }).map((file) => basename(dirname(file)));

// By their names, as `mesh` refers to them.
for (const filter of filters) ajv.addSchema(JSON.parse(read(`filters/${filter}/${filter}.schema.json`)) as object, `${filter}.schema.json`);

function schemaOf(filter: string): ValidateFunction {
  const schema = ajv.getSchema(`${filter}.schema.json`);
  if (schema === undefined) throw new Error(`no schema for ${filter}`);
  return schema as ValidateFunction;
}

function expectTaken(filter: string, configuration: unknown): void {
  const valid = schemaOf(filter);
  valid(configuration);
  expect(valid.errors ?? []).toEqual([]);
  new Host().load({ name: filter, module: filterFiles(filter).module, configuration }).unload();
}

/** Every value of the key `name` below `value`. */
function find(value: unknown, name: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value as Record<string, unknown>).flatMap(([key, member]) => [
    ...(key === name ? [member] : []),
    ...find(member, name),
  ]);
}

describe.each(filters)("the filter %s", (filter) => {
  test("takes the configuration of its example for Envoy", () => {
    const plugins = find(parse(read(`filters/${filter}/examples/envoy.yaml`)), "config") as Array<{ configuration?: { value: unknown } }>;
    expect(plugins.length).toBeGreaterThan(0);
    for (const { configuration } of plugins) {
      const value = configuration?.value;
      expectTaken(filter, typeof value === "string" ? JSON.parse(value) : value);
    }
  });

  test("takes the configuration of its example for Istio, whose WasmPlugin is one", () => {
    const documents = parseAllDocuments(read(`filters/${filter}/examples/wasm-plugin.yaml`)).map((document) => document.toJS() as unknown);
    const plugins = documents.filter((document) => (document as { kind?: string }).kind === "WasmPlugin");
    expect(plugins.length).toBeGreaterThan(0);
    for (const plugin of plugins) {
      wasmPlugin(plugin);
      expect(wasmPlugin.errors ?? []).toEqual([]);
      expectTaken(filter, (plugin as { spec: { pluginConfig: unknown } }).spec.pluginConfig);
    }
  });

  const configurations = globSync(`filters/${filter}/examples/*.json`, { cwd: repository });
  test.each(configurations)("takes %s", (file) => {
    expectTaken(filter, JSON.parse(read(file)));
  });

  test("takes the full example of its page", () => {
    const [block] = [...read(`filters/${filter}/README.md`).matchAll(/^```(?:yaml|json)\n([^]*?)^```/gm)].map(([, text = ""]) => text);
    expectTaken(filter, parse(block ?? ""));
  });
});
