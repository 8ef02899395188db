import { type Command } from "commander";
import type { ObjectsAnswer } from "../../control/admin/objects/objects.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { addAdminOptions, type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { type OutputFormat, outputOption, print } from "../control/output.ts";
import type { ToldProblem } from "../control/sent-objects.ts";

interface ApplyOptions extends AdminOptions {
  readonly filename: readonly string[];
  readonly dryRun?: boolean;
  readonly output: OutputFormat;
}

/** What the API answers to a request that it refuses. */
export interface Refused {
  readonly error: string;
  readonly problems?: readonly ToldProblem[];
}

/** Answers that say no, and why. */
export const REFUSALS = [400, 404, 409, 412, 413, 422];

export function addApply(program: Command): void {
  addAdminOptions(program.command("apply"))
    .summary("apply objects to a running control service")
    .description(
      "Sends the objects of files to the control service, which takes all of them or none. They count beside those of its directories, and are kept in its --state.",
    )
    .requiredOption("-f, --filename <path...>", "files and directories of YAML or JSON; - is standard input")
    .option("--dry-run", "only say what would become of them")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 1 where an object has an error, or the service refuses them: nothing is applied then. What changes something wants a token of the role write.

Examples:
  $ meshwright apply -f reviews.yaml --token-file state/ca/admin-token
  $ meshwright apply -f mesh/ --dry-run --token-file state/ca/admin-token`,
    )
    .action(apply);
}

async function apply({ filename, dryRun = false, output, ...admin }: ApplyOptions): Promise<void> {
  const { readObjects } = await import("../control/sent-objects.ts");
  const { text, count, here } = await readObjects(filename);
  if (count === 0) throw new CliError(ExitCode.Input, `${filename.join(", ")}: there is no object`);
  const path = `/api/v1/objects${dryRun ? "?dryRun=true" : ""}`;
  const answer = (await askAdmin(admin, path, { method: "POST", body: text, timeout: 60_000, accept: REFUSALS })) as
    ObjectsAnswer | Refused;
  printAnswer(output, { ...answer, ...(answer.problems === undefined ? {} : { problems: answer.problems.map(here) }) });
}

/** Prints what became of a request, and sets the exit code. */
export function printAnswer(output: OutputFormat, answer: ObjectsAnswer | Refused): void {
  const { problems = [] } = answer;
  for (const problem of output === "text" ? problems : []) process.stderr.write(`${line(problem)}\n`);
  if ("error" in answer) {
    if (output === "text") throw new CliError(ExitCode.Input, answer.error);
    print(output, answer, () => "");
    process.exitCode = ExitCode.Input;
    return;
  }
  const { objects, dryRun } = answer;
  print(output, answer, () =>
    objects.map(({ kind, namespace, name, result }) => `${kind} ${namespace}/${name} ${result}${dryRun ? " (dry run)" : ""}\n`).join(""),
  );
}

function line({ file, line: number, column, level, code, path, message }: ToldProblem): string {
  return `${file}:${number}:${column}: ${level} ${code} ${path}: ${message}`;
}
