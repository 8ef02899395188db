import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { expect, test } from "vitest";
import { commands } from "./commands/index.ts";
import { meshwright } from "./testing/run.ts";

/** Prints the address of every module that is loaded, at the end, on standard error. */
const TELL = `
  import { registerHooks } from "node:module";
  const loaded = [];
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
  process.on("exit", () => console.error(loaded.join("\\n")));`;
const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(TELL)}`;

// They take longer to load than a mesh takes to be read. What reads EnvoyFilters is there in any case, without descriptors of Envoy's API until there is one.
const DEAR = /envoy-api\/(?!reflection\/|generated\/validate\/)|@grpc\/grpc-js|xds\/types/;

const COMMAND = /\/cli\/commands\/(?!index\.)([\w-]+)\.ts$/;

/** Addresses of the modules that a command loads. */
async function loadedBy(parameters: readonly string[]): Promise<readonly string[]> {
  const { code, errors } = await meshwright(parameters, { env: { NODE_OPTIONS } });
  expect(code).toBe(0);
  return errors.split("\n").filter((line) => /^(file|node):/.test(line));
}

test("every command goes by its name", async () => {
  for (const [name, load] of commands) {
    const program = new Command();
    (await load())(program);
    expect(program.commands.map((command) => command.name())).toEqual([name]);
  }
});

test("a command loads no other", async () => {
  const loaded = await loadedBy(["wait", "--help"]);
  expect(loaded.flatMap((url) => COMMAND.exec(url)?.[1] ?? [])).toEqual(["wait"]);
});

test("what needs neither Envoy's API nor gRPC does not load them", async () => {
  const folder = await mkdtemp(join(tmpdir(), "meshwright-start-"));
  const file = join(folder, "service.yaml");
  await writeFile(file, "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{name: http, port: 80}]}}\n");
  for (const parameters of [["validate", file], ["--help"]]) {
    const loaded = await loadedBy(parameters);
    expect(loaded.length).toBeGreaterThan(50);
    expect(loaded.filter((url) => DEAR.test(url))).toEqual([]);
  }
  await rm(folder, { recursive: true });
});
