import type { Command } from "commander";
import type { AdminOptions } from "../control/admin-client.ts";
import { addAdminOptions } from "../control/admin-client.ts";
import { type OutputFormat, outputOption, print } from "../control/output.ts";
import { CliError, ExitCode } from "../cli-error.ts";

interface DiffOptions extends AdminOptions {
  readonly file: readonly string[];
  readonly against?: readonly string[];
  readonly apply?: boolean;
  readonly meshConfig?: string;
  readonly againstMeshConfig?: string;
  readonly proxy?: readonly string[];
  readonly metadata?: string;
  readonly output: OutputFormat;
}

export function addDiff(program: Command): void {
  addAdminOptions(program.command("diff"))
    .summary("show what a change of the mesh would do, before it is made")
    .description(
      "Compares files and directories with what a running control service has (--admin), or with others (--against): which objects differ, which problems come and go, and which resources change for which proxies, in bytes too.",
    )
    .requiredOption("-f, --file <path...>", "directories or files with the objects of the mesh as they are to be")
    .option("--against <path...>", "directories or files with the objects as they are; default: the running service's")
    .option(
      "--apply",
      "the files come beside what the service has, as by `meshwright apply`; else they stand in the place of its directories",
    )
    .option("--mesh-config <file>", "Istio's MeshConfig as it is to be")
    .option("--against-mesh-config <file>", "Istio's MeshConfig as it is; default: that of --mesh-config")
    .option("--proxy <node-id...>", "these proxies only; default: those that are connected, and with --against those before all workloads")
    .option("--metadata <json>", "metadata of the nodes that --proxy names; LABELS select policies")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 0 where nothing differs, 1 where something does.

Examples:
  $ meshwright diff -f mesh/
  $ meshwright diff -f reviews.yaml --apply
  $ meshwright diff -f mesh.new/ --against mesh/ --proxy sidecar~10.0.0.9~productpage-v1.default~default.svc.cluster.local --output json`,
    )
    .action(diff);
}

async function diff(options: DiffOptions): Promise<void> {
  const { output, apply = false, against, againstMeshConfig } = options;
  if (against !== undefined && apply)
    throw new CliError(ExitCode.Usage, "--apply is about a running service, and --against about files; give one of them");
  if (against === undefined && againstMeshConfig !== undefined)
    throw new CliError(ExitCode.Usage, "--against-mesh-config belongs to --against: a running service says itself what its MeshConfig is");
  const { compare } = await import("../diff/index.ts");
  const { report, differs, text } = await compare(options);
  print(output, report, text);
  if (differs) process.exitCode = ExitCode.Input;
}
