import { type Command, Option } from "commander";
import { CliError, ExitCode } from "../cli-error.ts";
import { type OutputFormat, outputOption, print } from "../control/output.ts";
import { readLogHeaders } from "../diff/requests/log-headers.ts";

interface Options {
  readonly filter: string;
  readonly config?: string;
  readonly against?: string;
  readonly againstConfig?: string;
  readonly cluster: readonly string[];
  readonly logHeader: readonly string[];
  readonly host: "node" | "envoy";
  readonly output: OutputFormat;
}

export function addReplay(program: Command): void {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  program
    .command("replay")
    .summary("run recorded requests through two versions of a filter, and see what differs")
    .description(
      "Runs recorded requests through a filter as it is (--against, --against-config) and as it is to be (--filter, --config), and reports every decision that differs, grouped by its cause. Of a mesh `meshwright diff --requests` does that.",
    )
    .argument("<requests>", "JSON lines as `meshwright try` takes them, or Envoy's access log in JSON; - for standard input")
    .requiredOption("--filter <name>", "a filter of this package, or a module (FILE.wasm), as it is to be")
    .option("--config <file>", "its configuration, JSON or YAML")
    .option("--against <name>", "the filter as it is. Default: that of --filter")
    .option("--against-config <file>", "the configuration as it is. Default: that of --config")
    .option("--cluster <name=file>", "what a cluster answers that a filter calls; may be repeated", collect, [])
    .option("--log-header <field=header>", "a field of the access log that holds a header of the request; may be repeated", collect, [])
    .addOption(new Option("--host <host>", "where the filters run").choices(["node", "envoy"]).default("node"))
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 0 where nothing differs, 1 where something does.

Examples:
  $ meshwright replay requests.jsonl --filter new.wasm --against old.wasm
  $ meshwright replay access.log --filter routing --config new.json --against-config old.json
  $ meshwright replay access.log --filter new.wasm --against old.wasm --log-header end_user=end-user --host envoy --output json`,
    )
    .action(run);
}

async function run(requests: string, { logHeader, output, ...options }: Options): Promise<void> {
  const { filter, config, against = filter, againstConfig = config } = options;
  if (against === filter && againstConfig === config)
    throw new CliError(ExitCode.Usage, "both sides are the same: say with what to compare, --against FILTER or --against-config FILE");
  const headers = readLogHeaders(logHeader);
  const { replay } = await import("../replay/index.ts");
  const { requestsAsText } = await import("../diff/requests/text.ts");
  const report = await replay({
    ...options,
    requests,
    against,
    headers,
    ...(againstConfig === undefined ? {} : { againstConfig }),
  });
  print(output, report, () => requestsAsText(report));
  if (report.changed + report.broken.count + report.failed.count > 0) process.exitCode = ExitCode.Input;
}
