import type { Command } from "commander";
import type { ObjectsAnswer } from "../../control/admin/objects/objects.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { addAdminOptions, type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { type OutputFormat, outputOption } from "../control/output.ts";
import { printAnswer, type Refused, REFUSALS } from "./apply.ts";

interface DeleteOptions extends AdminOptions {
  readonly filename?: readonly string[];
  readonly namespace?: string;
  readonly dryRun?: boolean;
  readonly output: OutputFormat;
}

export function addDelete(program: Command): void {
  addAdminOptions(program.command("delete"))
    .summary("delete objects from a running control service")
    .description(
      "Deletes an object, or those that files name, which were applied by the API: all of them or none. What stands in a file that the service watches is deleted there.",
    )
    .argument("[kind]", "such as VirtualService, virtualservices or vs")
    .argument("[name]", "name of the object")
    .option("-n, --namespace <namespace>", "its namespace. Default: default")
    .option("-f, --filename <path...>", "files and directories of YAML or JSON with the objects; - is standard input")
    .option("--dry-run", "only say what would become of them")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 1 where there is no such object, it stands in a file, or the service refuses: with strict admission, where others would break. Nothing is deleted then.

Examples:
  $ meshwright delete vs reviews --token-file state/ca/admin-token
  $ meshwright delete gateway edge -n istio-system --dry-run --token-file state/ca/admin-token
  $ meshwright delete -f reviews.yaml --token-file state/ca/admin-token`,
    )
    .action(remove);
}

async function remove(
  kind: string | undefined,
  name: string | undefined,
  { filename, namespace, dryRun = false, output, ...admin }: DeleteOptions,
): Promise<void> {
  const query = dryRun ? "?dryRun=true" : "";
  if (filename !== undefined) {
    if (kind !== undefined || namespace !== undefined)
      throw new CliError(ExitCode.Usage, "-f says which objects are meant: KIND, NAME and -n have no place beside it");
    const { readObjects } = await import("../control/sent-objects.ts");
    const { text, count, here } = await readObjects(filename);
    if (count === 0) throw new CliError(ExitCode.Input, `${filename.join(", ")}: there is no object`);
    const request = { method: "DELETE", body: text, timeout: 60_000, accept: REFUSALS } as const;
    const answer = (await askAdmin(admin, `/api/v1/objects${query}`, request)) as ObjectsAnswer | Refused;
    return printAnswer(output, { ...answer, ...(answer.problems === undefined ? {} : { problems: answer.problems.map(here) }) });
  }
  if (kind === undefined || name === undefined)
    throw new CliError(ExitCode.Usage, "KIND and NAME, or -f FILE, say which objects are meant");
  const path = `/api/v1/objects/${[kind, namespace ?? "default", name].map(encodeURIComponent).join("/")}${query}`;
  const answer = (await askAdmin(admin, path, { method: "DELETE", accept: REFUSALS })) as ObjectsAnswer | Refused;
  printAnswer(output, answer);
}
