import { type Command, Option } from "commander";
import { HostError } from "../../harness/host/errors.ts";
import { isolatedTarget } from "../../harness/host/worker/index.ts";
import { examineModule, type ModuleExamination, type ModuleProblem } from "../../harness/inspect/index.ts";
import { TargetError } from "../../harness/target/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { outputOption, print, type OutputFormat } from "../control/output.ts";
import { readModule, type NamedModule } from "../read-module.ts";
import { reportText, type InspectReport } from "../inspect/report.ts";
import { envoySnippet, istioSnippet } from "../inspect/snippets.ts";
import { readConfiguration } from "../try/configuration.ts";

interface InspectOptions {
  readonly config?: string;
  readonly snippet?: "envoy" | "istio";
  readonly output: OutputFormat;
}

export function addInspect(program: Command): void {
  program
    .command("inspect")
    .summary("what a module needs and offers, and what Envoy would refuse")
    .description(
      "Shows the ABI, origin, exports, imports, memory and sections of a proxy-wasm module, loads it into the in-process host as Envoy would, says what Envoy would refuse or die of, and prints configuration that loads it with the least capabilities.",
    )
    .argument("<module>", "a module (FILE.wasm), or the name of a filter of this package")
    .option("--config <file>", "the configuration that it is loaded with, JSON or YAML. Default: none")
    .addOption(new Option("--snippet <proxy>", "print only what loads it, as YAML").choices(["envoy", "istio"]))
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
The exit code is 1 where Envoy would refuse the module, or die of it.

Examples:
  $ meshwright inspect mine.wasm
  $ meshwright inspect mine.wasm --config mine.json --output json
  $ meshwright inspect mine.wasm --snippet envoy > filter.yaml`,
    )
    .action(runInspect);
}

async function runInspect(name: string, options: InspectOptions): Promise<void> {
  const module = readModule(name);
  const configuration = options.config === undefined ? undefined : await readConfiguration(options.config);
  const report = await inspect(name, module, configuration);
  const { snippet } = options;
  if (snippet !== undefined) process.stdout.write(report.snippets[snippet]);
  else print(options.output, report, () => reportText(report));
  if (report.problems.some(({ level }) => level === "error")) process.exitCode = ExitCode.Input;
}

async function inspect(file: string, module: NamedModule, configuration: Uint8Array | string | undefined): Promise<InspectReport> {
  const seen = examine(file, module.bytes);
  const snippets = {
    ...module,
    ...seen,
    ...(configuration !== undefined && { configuration: Buffer.from(configuration).toString("utf8") }),
  };
  const failed = seen.problems.some(({ level }) => level === "error");
  const problem = failed ? undefined : await load(module, seen.capabilities, configuration);
  return {
    file,
    ...seen,
    problems: [...seen.problems, ...(problem === undefined ? [] : [problem])],
    loads: failed ? undefined : problem === undefined,
    snippets: { envoy: envoySnippet(snippets), istio: istioSnippet(snippets) },
  };
}

function examine(file: string, bytes: Uint8Array): ModuleExamination {
  try {
    return examineModule(bytes);
  } catch (error) {
    throw new CliError(ExitCode.Input, `${file}: ${HostError.from(error).message}`, { cause: error });
  }
}

/** Loads the module with the least capabilities, in a thread that is ended where it loops. */
async function load(
  { name, path }: NamedModule,
  allowedCapabilities: readonly string[],
  configuration: Uint8Array | string | undefined,
): Promise<ModuleProblem | undefined> {
  const filter = { name, module: path, allowedCapabilities, ...(configuration !== undefined && { configuration }) };
  try {
    await using _running = await isolatedTarget().start({ filters: [filter] });
    return undefined;
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    // A module may be right to refuse no configuration at all: that is no fault of its own.
    const level = configuration === undefined && / returned false/.test(error.message) ? "warning" : "error";
    const advice = level === "warning" ? "; name its configuration with --config" : "";
    return { level, code: "does-not-load", message: `${error.message}${advice}` };
  }
}
