import { type Command, Option } from "commander";
import type { Mesh } from "../../control/mesh/index.ts";
import { compareProblems, formatPath, formatProblem, type Level, type Problem, type Source } from "../../control/model/index.ts";
import type { MeshProver } from "../../control/prove-mesh.ts";
import type { MeshJudge } from "../../control/read-mesh.ts";
import { ExitCode } from "../cli-error.ts";
import { colorsOf } from "../colors.ts";
import { type OutputFormat, outputOption, print } from "../control/output.ts";
import { readInput } from "../read-file.ts";

interface ValidateOptions {
  readonly output: OutputFormat;
  readonly level: Level;
}

const LEVELS = ["error", "warning", "info"] as const;

export function addValidate(program: Command): void {
  program
    .command("validate")
    .summary("check the YAML of a mesh")
    .description(
      "Reads files and directories of YAML or JSON as the control service does, and checks every object, by itself and with the others. One line for each problem: FILE:LINE:COLUMN: LEVEL CODE PATH: MESSAGE.",
    )
    .argument("<path...>", "files and directories; - is standard input")
    .addOption(outputOption())
    .addOption(new Option("--level <level>", "the least that is told").choices(LEVELS).default("info"))
    .addHelpText(
      "after",
      `
Exit code 1 where something is an error. What others have to say (Deployments, ConfigMaps, ...) is passed over.

Examples:
  $ meshwright validate mesh/
  $ meshwright validate virtual-service.yaml destination-rule.yaml --output json
  $ kubectl get vs,dr,gw,se,svc -A -o yaml | meshwright validate -`,
    )
    .action(validate);
}

async function validate(paths: readonly string[], { output, level }: ValidateOptions): Promise<void> {
  const { readMesh } = await import("../../control/read-mesh.ts");
  await using judge = new LateProver();
  const { mesh, problems: found } = await readMesh(await sourcesOf(paths), "local", judge);
  const problems = [...found, ...(await patchProblems(mesh))].sort(compareProblems);
  const told = problems.filter((problem) => LEVELS.indexOf(problem.level) <= LEVELS.indexOf(level));
  print(output, told.map(plain), () => told.map((problem) => `${paint(problem)}\n`).join(""));
  const count = (of: Level) => problems.filter((problem) => problem.level === of).length;
  const counts = [plural(count("error"), "error"), plural(count("warning"), "warning")].join(", ");
  process.stderr.write(`${counts}; ${plural([...mesh.allObjects()].length, "object")} in the mesh\n`);
  if (count("error") > 0) process.exitCode = ExitCode.Input;
}

/** What modules refuse. Translation is loaded only where something of theirs is there: that takes longer than a mesh to read. */
class LateProver implements MeshJudge, AsyncDisposable {
  private prover: MeshProver | undefined;

  async refused(mesh: Mesh): ReturnType<MeshJudge["refused"]> {
    return (await this.for(mesh))?.refused(mesh) ?? [];
  }

  async refusedTogether(mesh: Mesh): ReturnType<MeshJudge["refusedTogether"]> {
    return (await this.for(mesh))?.refusedTogether(mesh) ?? [];
  }

  private async for(mesh: Mesh): Promise<MeshProver | undefined> {
    if (![...mesh.allObjects()].some(({ apiVersion }) => FOR_FILTERS.test(apiVersion))) return undefined;
    const { MeshProver } = await import("../../control/prove-mesh.ts");
    return (this.prover ??= new MeshProver());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.prover?.[Symbol.asyncDispose]();
  }
}

/** What patches of EnvoyFilters come to, for proxies that the objects tell of. */
async function patchProblems(mesh: Mesh): Promise<readonly Problem[]> {
  if (mesh.policies("EnvoyFilter").length === 0) return [];
  const { expectedPatchProblems } = await import("../../control/patch-problems.ts");
  return expectedPatchProblems(mesh);
}

/** Istio's groups of kinds that filters carry out. */
const FOR_FILTERS = /^(security|telemetry|extensions)\.istio\.io\//;

async function sourcesOf(paths: readonly string[]): Promise<Source[]> {
  const [{ DirectorySource }, { MemorySource }] = await Promise.all([
    import("../../control/sources/directory/index.ts"),
    import("../../control/sources/memory/index.ts"),
  ]);
  const named = paths.filter((path) => path !== "-");
  const sources: Source[] = named.length === 0 ? [] : [new DirectorySource(named)];
  if (paths.includes("-")) sources.push(new MemorySource({ "-": await readInput("-", "objects") }, "standard input"));
  return sources;
}

function plain({ file, line, column, level, code, path, message }: Problem): Record<string, unknown> {
  return { file, line, column, level, code, path: formatPath(path), message };
}

const PAINT = { error: "red", warning: "yellow", info: "cyan" } as const;

/** The level coloured, on a terminal. */
function paint(problem: Problem): string {
  const { [PAINT[problem.level]]: colour } = colorsOf(process.stdout);
  return formatProblem(problem).replace(`: ${problem.level} `, `: ${colour(problem.level)} `);
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
