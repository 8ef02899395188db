import { envoyExample, page, schema, wasmPluginExample } from "./documents.ts";
import { type Imports, entry, root, stream } from "./sources.ts";

/** The files of a new filter: paths below its folder, and contents. `inside`: in this repository, beside its other filters. */
export function filterFolder(name: string, inside: boolean, version: string): Map<string, string> {
  const imports: Imports = inside ? { sdk: "../sdk", lib: "../lib" } : { sdk: "meshwright/filters/sdk", lib: "meshwright/filters/lib" };
  const module = inside ? `dist/filters/${name}.wasm` : `build/${name}.wasm`;
  const files = new Map([
    ["index.ts", entry(name, imports)],
    ["root.ts", root(name, imports)],
    ["stream.ts", stream(name, imports)],
    [`${name}.schema.json`, schema(name)],
    ["manifest.json", manifest(name)],
    ["README.md", page(name)],
    ["examples/envoy.yaml", envoyExample(name, module)],
    ["examples/wasm-plugin.yaml", wasmPluginExample(name, version)],
  ]);
  if (inside) {
    files.set(
      `${name}.scenarios.ts`,
      scenarios(
        name,
        "../../harness/vitest.ts",
        'import { compileFilter } from "../testing/assembly.ts";',
        'await compileFilter(fileURLToPath(new URL("index.ts", import.meta.url)))',
      ),
    );
    return files;
  }
  files.set(`${name}.test.ts`, scenarios(name, "meshwright/harness/vitest", "", `fileURLToPath(new URL("${module}", import.meta.url))`));
  files.set("package.json", packageJson(name, version));
  files.set(
    "asconfig.json",
    json({
      extends: "./node_modules/meshwright/filters/sdk/asconfig.json",
      entries: ["index.ts"],
      targets: { release: { outFile: module } },
    }),
  );
  files.set("tsconfig.json", json({ extends: "assemblyscript/std/assembly.json", include: ["./*.ts"], exclude: ["./*.test.ts"] }));
  files.set(".gitignore", "build/\nnode_modules/\n");
  return files;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function manifest(name: string): string {
  return json({
    name,
    description: "Adds a header to every response",
    chain: "downstream",
    capabilities: [
      "clock_time_get",
      "proxy_add_header_map_value",
      "proxy_define_metric",
      "proxy_get_buffer_bytes",
      "proxy_get_property",
      "proxy_increment_metric",
      "proxy_log",
      "proxy_send_local_response",
      "proxy_set_tick_period_milliseconds",
    ],
  });
}

function packageJson(name: string, version: string): string {
  return json({
    name,
    version: "0.1.0",
    private: true,
    type: "module",
    scripts: { build: "asc --target release", pretest: "npm run build", test: "vitest run" },
    devDependencies: { assemblyscript: "0.28.20", meshwright: version, vitest: "5.1.1" },
  });
}

function scenarios(name: string, harness: string, moreImports: string, module: string): string {
  return `import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { scenario } from "${harness}";
${moreImports === "" ? "" : `${moreImports}\n`}
/** The same in process and in Envoy: where they differ, the test fails. */
const chain = (configuration: object) => async () => ({
  filters: [{ name: "${name}", module: ${module}, configuration }],
});

scenario("adds its header to every response", { chain: chain({ header: "x-${name}", value: "hello" }) }, async (run) => {
  const result = await run.send({ path: "/" });
  expect(result).toForward();
  expect(result).toReturnHeader("x-${name}", "hello");
  expect(await run.metrics()).toMatchObject({ "${name}.responses": 1 });
});

scenario("keeps what the upstream said", { chain: chain({ header: "x-${name}", value: "hello" }) }, async (run) => {
  const result = await run.send({ path: "/", response: { status: 404, headers: [["x-${name}", "mine"]] } });
  expect(result.status).toBe(404);
  expect(result).toReturnHeader("x-${name}", "mine", "hello");
});
`;
}
