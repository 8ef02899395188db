import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { meshwright } from "./testing/run.ts";

/** Prints the address of every module that is loaded, at the end, on standard error. */
const TELL = `
  import { registerHooks } from "node:module";
  const loaded = [];
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
  process.on("exit", () => console.error(loaded.join("\\n")));`;
const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(TELL)}`;

// They take longer to load than a mesh takes to be read.
const DEAR = /envoy-api|@bufbuild\/protobuf|@grpc\/grpc-js|xds\/types/;

test("what needs neither Envoy's API nor gRPC does not load them", async () => {
  const folder = await mkdtemp(join(tmpdir(), "meshwright-start-"));
  const file = join(folder, "service.yaml");
  await writeFile(file, "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{name: http, port: 80}]}}\n");
  for (const parameters of [["validate", file], ["--help"]]) {
    const { code, errors } = await meshwright(parameters, { env: { NODE_OPTIONS } });
    const loaded = errors.split("\n").filter((line) => /^(file|node):/.test(line));
    expect(code).toBe(0);
    expect(loaded.length).toBeGreaterThan(50);
    expect(loaded.filter((url) => DEAR.test(url))).toEqual([]);
  }
  await rm(folder, { recursive: true });
});
