import { type Command, Option } from "commander";
import { CliError, ExitCode } from "../cli-error.ts";
import { readProxyOption } from "../control/read-proxy-option.ts";
import { ensureEnvoy } from "../provide-envoy.ts";
import { readClusters } from "../try/clusters.ts";
import type { FilterOptions } from "../try/filter.ts";
import type { OutputOptions } from "../try/output.ts";
import { openRequests, runRequests } from "../try/run-requests.ts";

interface TryOptions extends Omit<FilterOptions, "filter">, OutputOptions {
  readonly filter?: string;
  readonly file: readonly string[];
  readonly meshConfig?: string;
  readonly proxy?: string;
  readonly metadata?: string;
  readonly direction?: "inbound" | "outbound";
}

/** Requests that are given to a filter or a mesh before their results are waited for; some wait for seconds, because a fault holds them back. */
const LANES = 64;

export function addTry(program: Command): void {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  program
    .command("try")
    .summary("run requests through a mesh, or a filter, and see what becomes of them")
    .description(
      "Runs requests, one JSON object a line, and prints one result for each: through the configuration that a proxy would get of a mesh, in a private Envoy whose upstreams are scripted (--proxy); or through one filter, in process or in Envoy (--filter).",
    )
    .argument("<requests>", "a file of JSON lines; - for standard input")
    .option("-f, --file <path>", "a directory or file with objects of the mesh; may be repeated", collect, [])
    .addOption(
      new Option("--proxy <node-id>", "such as sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local").conflicts([
        "filter",
        "config",
        "host",
      ]),
    )
    .option("--mesh-config <file>", "Istio's MeshConfig")
    .option("--metadata <json>", "metadata of the node; LABELS select policies")
    .addOption(
      new Option(
        "--direction <direction>",
        "which requests of a sidecar: those of its workload, or those to it. Default: outbound",
      ).choices(["inbound", "outbound"]),
    )
    .option("--filter <name>", "a filter of this package, or a module (FILE.wasm)")
    .option("--config <file>", "the filter's configuration, JSON or YAML")
    .option("--cluster <name=file>", "what a cluster answers that a filter calls; may be repeated", collect, [])
    .addOption(new Option("--host <host>", "where a filter runs").choices(["node", "envoy"]).default("node"))
    .option("--explain", "add the filters' decisions as text")
    .addOption(new Option("--output <format>", "how results are printed").choices(["json", "yaml", "text"]).default("json"))
    .addHelpText(
      "after",
      `
Examples:
  $ meshwright try -f mesh/ --proxy sidecar~10.0.0.1~productpage.default~default.svc.cluster.local requests.jsonl
  $ echo '{"authority": "reviews:9080", "path": "/"}' | meshwright try -f mesh/ --proxy sidecar~10.0.0.1~a.default~default.svc.cluster.local -
  $ meshwright try -f mesh/ --proxy sidecar~10.0.0.9~reviews-v1.default~default.svc.cluster.local --metadata '{"LABELS": {"app": "reviews"}}' --direction inbound --explain requests.jsonl
  $ meshwright try --filter routing --config routing.json requests.jsonl
  $ echo '{"path": "/api", "headers": [["x-user", "ann"]]}' | meshwright try --filter ./mine.wasm --explain -
  $ meshwright try --filter routing --config routing.yaml --host envoy --output text requests.jsonl
  $ meshwright try --filter authentication --config jwt.json --cluster issuer=keys.jwks requests.jsonl`,
    )
    .action(runTry);
}

async function runTry(input: string, options: TryOptions): Promise<void> {
  const { filter, proxy } = options;
  if (proxy !== undefined) return tryMesh(input, proxy, options);
  if (filter === undefined)
    throw new CliError(
      ExitCode.Usage,
      "say what the requests go through: --proxy NODE_ID with -f for the files of its mesh, or --filter NAME",
    );
  const stray =
    (["meshConfig", "metadata", "direction"] as const).find((name) => options[name] !== undefined) ??
    (options.file.length > 0 ? "file" : undefined);
  if (stray !== undefined)
    throw new CliError(ExitCode.Usage, `--${stray === "meshConfig" ? "mesh-config" : stray} belongs to --proxy, not to --filter`);
  return tryFilter(input, { ...options, filter });
}

async function tryFilter(input: string, options: FilterOptions & OutputOptions): Promise<void> {
  const { startFilter } = await import("../try/filter.ts");
  const requests = await openRequests(input);
  await using target = await startFilter(options);
  const trapped = await runRequests(requests, target, LANES, options);
  if (trapped === undefined) return;
  throw new CliError(
    ExitCode.Input,
    `${requests.name}:${trapped}: a callback of ${options.filter} trapped (wasm_fail_stream). Envoy then answers every request of its VM so; a filter must never trap on input`,
  );
}

async function tryMesh(input: string, id: string, options: TryOptions): Promise<void> {
  const { file: files, meshConfig, metadata, direction, cluster } = options;
  const proxy = readProxyOption(id, metadata);
  const requests = await openRequests(input);
  await ensureEnvoy();
  const { startMesh } = await import("../try/mesh/index.ts");
  const { target: started, errors } = await startMesh({
    files,
    proxy,
    callouts: await readClusters(cluster),
    ...(meshConfig === undefined ? {} : { meshConfig }),
    ...(direction === undefined ? {} : { direction }),
  });
  await using target = started;
  for (const error of errors) process.stderr.write(`${error}\n`);
  await runRequests(requests, target, LANES, options);
  if (errors.length > 0) process.exitCode = ExitCode.Input;
}
