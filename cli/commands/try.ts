import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { stringify } from "yaml";
import { filterFiles, filterNames, readFilterManifest } from "../../filters/index.ts";
import { isolatedTarget } from "../../harness/host/worker/index.ts";
import { TargetError, type ChainSpec, type Decision, type ExchangeRequest, type ExchangeResult } from "../../harness/target/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { readInput } from "../read-file.ts";
import { ensureEnvoy } from "../provide-envoy.ts";
import { suggestion } from "../../control/model/fields/suggestion.ts";
import { readClusters } from "../try/clusters.ts";
import { readConfiguration } from "../try/configuration.ts";
import { parseRequests } from "../try/requests.ts";
import { withTimeLimit, type Sender } from "../try/time-limit.ts";

interface TryOptions {
  readonly filter: string;
  readonly config?: string;
  readonly cluster: readonly string[];
  readonly host: "node" | "envoy";
  readonly explain?: true;
  readonly output: "json" | "yaml" | "text";
}

/** Requests that are given to the host before their results are waited for. */
const LANES = 16;

/** Milliseconds for a request in Envoy: more than its `stream_idle_timeout` and the timeout of a route together, after which it has answered. */
const ENVOY_LIMIT = 60_000;

const WARNINGS: ReadonlySet<string> = new Set(["warn", "error", "critical"]);

/** Envoy's `%RESPONSE_CODE_DETAILS%` of a stream whose VM has trapped. */
const TRAPPED = "wasm_fail_stream";

export function addTry(program: Command): void {
  program
    .command("try")
    .summary("run requests through a filter and see what becomes of them")
    .description(
      "Runs requests, one JSON object a line, through one filter, in process or in a private Envoy, and prints one result for each.",
    )
    .argument("<requests>", "a file of JSON lines; - for standard input")
    .requiredOption("--filter <name>", "a filter of this package, or a module (FILE.wasm)")
    .option("--config <file>", "the filter's configuration, JSON or YAML")
    .option(
      "--cluster <name=file>",
      "what a cluster answers that the filter calls; may be repeated",
      (value, before: string[]) => [...before, value],
      [],
    )
    .addOption(new Option("--host <host>", "where it runs").choices(["node", "envoy"]).default("node"))
    .option("--explain", "add the filter's decisions as text")
    .addOption(new Option("--output <format>", "how results are printed").choices(["json", "yaml", "text"]).default("json"))
    .addHelpText(
      "after",
      `
Examples:
  $ meshwright try --filter routing --config routing.json requests.jsonl
  $ echo '{"path": "/api", "headers": [["x-user", "ann"]]}' | meshwright try --filter ./mine.wasm --explain -
  $ meshwright try --filter routing --config routing.yaml --host envoy --output text requests.jsonl
  $ meshwright try --filter authentication --config jwt.json --cluster issuer=keys.jwks requests.jsonl`,
    )
    .action(runTry);
}

async function runTry(input: string, options: TryOptions): Promise<void> {
  const module = modulePath(options.filter);
  const configuration = options.config === undefined ? "" : await readConfiguration(options.config);
  const name = input === "-" ? "standard input" : input;
  const lines = parseRequests(name, await readInput(input, "requests"));
  if (lines.length === 0) throw new CliError(ExitCode.Input, `${name}: holds no request; a line is {"path": "/"}`);

  const callouts = await readClusters(options.cluster);
  const spec = { name: options.filter.replace(/^.*\/|\.wasm$/g, ""), module, configuration };
  const chain: ChainSpec = isUpstream(options.filter)
    ? { filters: [], upstreamFilters: [{ ...spec, allowOnHeadersStopIteration: true }], callouts }
    : { filters: [spec], callouts };
  await using target = await start(options, chain);
  // Results come in the order of the lines, however many are under way.
  const pending: Array<Promise<object>> = [];
  let failed = false;
  let trapped: number | undefined;
  let printed = 0;
  async function printNext(): Promise<void> {
    const line = lines[printed]?.line;
    const result = (await pending[printed++]) ?? {};
    failed ||= "error" in result;
    if ("details" in result && result.details === TRAPPED) trapped ??= line;
    process.stdout.write(format(result, options));
  }
  for (const line of lines) {
    pending.push("error" in line ? Promise.resolve(badLine(line.id, line.error)) : result(target, line.request, `${name}:${line.line}`));
    if (pending.length - printed >= LANES) await printNext();
  }
  while (printed < pending.length) await printNext();
  for (const line of await warnings(target)) process.stderr.write(`${line}\n`);
  if (failed) process.exitCode = ExitCode.Input;
  if (trapped === undefined) return;
  throw new CliError(
    ExitCode.Input,
    `${name}:${trapped}: a callback of ${options.filter} trapped (${TRAPPED}). Envoy then answers every request of its VM so; a filter must never trap on input`,
  );
}

/** Whether a filter of this package says that it belongs into the chain of a cluster, and not into that of a listener. */
function isUpstream(filter: string): boolean {
  return !filter.endsWith(".wasm") && readFilterManifest(filter).chain === "upstream";
}

function modulePath(filter: string): string {
  if (filter.endsWith(".wasm")) {
    if (!existsSync(filter)) throw new CliError(ExitCode.Input, `${filter}: there is no such file`);
    return resolve(filter);
  }
  const names = filterNames();
  if (names.includes(filter)) return filterFiles(filter).module;
  const hint = suggestion(filter, names);
  throw new CliError(
    ExitCode.Input,
    `--filter ${filter}: there is no such filter${hint}. There are: ${names.join(", ")}; a module's name ends in .wasm`,
  );
}

async function start(options: TryOptions, chain: ChainSpec): Promise<Sender> {
  try {
    if (options.host === "node") return await isolatedTarget().start(chain);
    await ensureEnvoy();
    const { envoyTarget } = await import("../../harness/envoy/index.ts");
    const reason = await envoyTarget.unavailable();
    if (reason !== undefined) throw new CliError(ExitCode.Environment, reason);
    return withTimeLimit(await envoyTarget.start(chain), ENVOY_LIMIT);
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    const logs = error.logs.filter((line) => !error.message.includes(line));
    throw new CliError(ExitCode.Input, [error.message, ...logs.map((line) => `  ${line}`)].join("\n"), { cause: error });
  }
}

async function result(target: Sender, request: ExchangeRequest, place: string): Promise<object> {
  try {
    return await target.send(request);
  } catch (error) {
    return badLine(request.id, `${place}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What the filter logged at warn and above, each line once: Envoy runs a filter in several instances. */
async function warnings(target: Sender): Promise<Set<string>> {
  const lines = await target.logs().catch(() => []);
  return new Set(lines.filter(({ level }) => WARNINGS.has(level)).map(({ level, message }) => `${level}: ${message}`));
}

function badLine(id: string | undefined, error: string): object {
  return { ...(id !== undefined && { id }), error };
}

function format(result: object, { explain, output }: TryOptions): string {
  const decisions = "decisions" in result ? (result.decisions as readonly Decision[]) : [];
  const shown = explain === true && "decisions" in result ? { ...result, explanation: decisions.map(explained) } : result;
  if (output === "json") return `${JSON.stringify(shown)}\n`;
  if (output === "yaml") return `---\n${stringify(shown)}`;
  return asText(result, explain === true ? decisions : []);
}

function explained({ filter, rule, result, reason }: Decision): string {
  return `${filter}: ${rule === "" ? "" : `rule ${JSON.stringify(rule)}: `}${result}, ${reason}`;
}

function asText(result: object, decisions: readonly Decision[]): string {
  const id = "id" in result ? `${String(result.id)}: ` : "";
  if ("error" in result) return `${id}${String(result.error)}\n`;
  const { outcome, status, details, route, cluster, delay } = result as ExchangeResult;
  const where = [route && `route ${route}`, cluster && `cluster ${cluster}`, delay && `after ${delay} s`].filter(Boolean).join(", ");
  return (
    [`${id}${outcome} ${status} (${details})${where === "" ? "" : `, ${where}`}`, ...decisions.map((each) => `  ${explained(each)}`)].join(
      "\n",
    ) + "\n"
  );
}
