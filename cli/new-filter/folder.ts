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
  files.set(
    `${name}.test.ts`,
    scenarios(
      name,
      "meshwright/harness/vitest",
      'import { compileFilter } from "meshwright/harness/assemblyscript";',
      'await compileFilter(new URL("index.ts", import.meta.url))',
    ),
  );
  files.set("vitest.config.ts", CONFIG);
  files.set("package.json", packageJson(name, version));
  files.set(
    "asconfig.json",
    json({
      extends: "./node_modules/meshwright/filters/sdk/asconfig.json",
      entries: ["index.ts"],
      targets: { release: { outFile: module } },
    }),
  );
  files.set(
    "tsconfig.json",
    json({ extends: "assemblyscript/std/assembly.json", include: ["./*.ts"], exclude: ["./*.test.ts", "./vitest.config.ts"] }),
  );
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
    scripts: { build: "asc --target release", test: "vitest run", watch: "vitest watch -t in-process" },
    devDependencies: { assemblyscript: "0.28.20", meshwright: version, vitest: "5.1.1" },
  });
}

/** While vitest watches, the compiler and the processes of test files stay warm, and a changed source runs the tests again. */
const CONFIG = `import { assemblyScript } from "meshwright/harness/assemblyscript";
import { defineConfig } from "vitest/config";

export default defineConfig({ plugins: [assemblyScript()], test: { isolate: false } });
`;

function scenarios(name: string, harness: string, compiler: string, module: string): string {
  return `${module.includes("fileURLToPath") ? 'import { fileURLToPath } from "node:url";\n' : ""}import { expect } from "vitest";
${compiler}
import { scenario } from "${harness}";

const module = ${module};

/** The same in process and in Envoy: where they differ, the test fails. */
const chain = (configuration: object) => ({ filters: [{ name: "${name}", module, configuration }] });

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
