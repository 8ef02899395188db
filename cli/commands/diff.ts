import { type Command, Option } from "commander";
import { CliError, ExitCode } from "../cli-error.ts";
import { addAdminOptions, type AdminOptions } from "../control/admin-client.ts";
import { type OutputFormat, outputOption, print } from "../control/output.ts";

interface DiffOptions extends AdminOptions {
  readonly file: readonly string[];
  readonly against?: readonly string[];
  readonly apply?: boolean;
  readonly meshConfig?: string;
  readonly againstMeshConfig?: string;
  readonly proxy?: readonly string[];
  readonly metadata?: string;
  readonly requests?: string;
  readonly direction?: "inbound" | "outbound";
  readonly logHeader: readonly string[];
  readonly cluster: readonly string[];
  readonly output: OutputFormat;
}

export function addDiff(program: Command): void {
  const collect = (value: string, before: readonly string[]) => [...before, value];
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
    .option(
      "--requests <file>",
      "recorded requests, which are run through --proxy before and after: JSON lines as `meshwright try` takes them, or Envoy's access log in JSON; - is standard input",
    )
    .addOption(
      new Option(
        "--direction <direction>",
        "which requests of a sidecar: those of its workload, or those to it. Default: outbound",
      ).choices(["inbound", "outbound"]),
    )
    .option("--log-header <field=header>", "a field of the access log that holds a header of the request; may be repeated", collect, [])
    .option("--cluster <name=file>", "what a cluster answers that a filter calls; may be repeated", collect, [])
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 0 where nothing differs, 1 where something does.

Examples:
  $ meshwright diff -f mesh/
  $ meshwright diff -f reviews.yaml --apply
  $ meshwright diff -f mesh.new/ --against mesh/ --proxy sidecar~10.0.0.9~productpage-v1.default~default.svc.cluster.local --output json
  $ meshwright diff -f mesh.new/ --against mesh/ --proxy sidecar~10.0.0.9~productpage-v1.default~default.svc.cluster.local --requests access.log`,
    )
    .action(diff);
}

async function diff(options: DiffOptions): Promise<void> {
  const { output, apply = false, against, againstMeshConfig, proxy, requests } = options;
  if (against !== undefined && apply)
    throw new CliError(ExitCode.Usage, "--apply is about a running service, and --against about files; give one of them");
  if (against === undefined && againstMeshConfig !== undefined)
    throw new CliError(ExitCode.Usage, "--against-mesh-config belongs to --against: a running service says itself what its MeshConfig is");
  if (requests !== undefined && proxy?.length !== 1)
    throw new CliError(ExitCode.Usage, "--requests wants one --proxy NODE_ID, through which they go");
  const stray =
    requests !== undefined
      ? undefined
      : options.direction !== undefined
        ? "--direction"
        : options.logHeader.length > 0
          ? "--log-header"
          : options.cluster.length > 0
            ? "--cluster"
            : undefined;
  if (stray !== undefined) throw new CliError(ExitCode.Usage, `${stray} belongs to --requests FILE`);
  const { compare } = await import("../diff/index.ts");
  const { report, differs, text } = await compare(options);
  print(output, report, text);
  if (differs) process.exitCode = ExitCode.Input;
}
