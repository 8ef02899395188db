import { type Command, Option } from "commander";
import { formatProblem } from "../../control/model/index.ts";
import { ExitCode } from "../cli-error.ts";
import { type OutputFormat, print } from "../control/output.ts";
import { readProxyOption } from "../control/read-proxy-option.ts";
import { OBJECT_TYPES } from "./config.ts";

interface TranslateOptions {
  readonly file: readonly string[];
  readonly proxy: string;
  readonly meshConfig?: string;
  readonly metadata?: string;
  readonly type?: string;
  readonly output: OutputFormat;
}

export function addTranslate(program: Command): void {
  program
    .command("translate")
    .summary("show what a proxy would get from directories of YAML")
    .description(
      "Translates the objects of Istio and Kubernetes to the xDS resources of one proxy, as {type: [resources in proto3 JSON, by name]}. Private keys are not shown.",
    )
    .requiredOption("-f, --file <path...>", "directories or files with the objects of the mesh")
    .requiredOption("--proxy <node-id>", "such as sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local")
    .option("--mesh-config <file>", "Istio's MeshConfig")
    .option("--metadata <json>", "metadata of the node; LABELS select policies")
    .addOption(new Option("--type <type>", "one type only").choices(OBJECT_TYPES))
    .addOption(new Option("-o, --output <format>", "how to print").choices(["json", "yaml"]).default("json"))
    .addHelpText(
      "after",
      `
Exit code 1 where an object has an error; or a filter's module refuses it; the rest is translated all the same, as the control service does.

Examples:
  $ meshwright translate -f mesh/ --proxy sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local
  $ meshwright translate -f mesh/ --proxy router~10.0.0.2~gateway.default~default.svc.cluster.local --type listener -o yaml`,
    )
    .action(translateFiles);
}

async function translateFiles({ file, proxy: id, meshConfig, metadata, type, output }: TranslateOptions): Promise<void> {
  const proxy = readProxyOption(id, metadata);
  const [{ MeshProver, readMesh }, { meshSources }, { resourcesAsJson }, { XDS_TYPES }] = await Promise.all([
    import("../../control/offline.ts"),
    import("../control/mesh-sources.ts"),
    import("../../control/configuration/index.ts"),
    import("../../control/xds/types/index.ts"),
  ]);
  await using prover = new MeshProver();
  const { mesh, problems } = await readMesh(await meshSources(file, meshConfig), "all", prover);
  const errors = problems.filter(({ level }) => level === "error");
  for (const problem of errors) process.stderr.write(`${formatProblem(problem)}\n`);
  if (errors.length > 0) process.exitCode = ExitCode.Input;
  const types = XDS_TYPES.filter(({ name }) => OBJECT_TYPES.some((each) => each === name));
  const resources = await resourcesAsJson(types, await prover.translate(mesh, proxy), type);
  print(output, resources, () => "");
}
