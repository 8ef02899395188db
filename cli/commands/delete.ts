import type { Command } from "commander";
import type { ObjectsAnswer } from "../../control/admin/objects/objects.ts";
import { addAdminOptions, type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { type OutputFormat, outputOption } from "../control/output.ts";
import { printAnswer, type Refused, REFUSALS } from "./apply.ts";

interface DeleteOptions extends AdminOptions {
  readonly namespace: string;
  readonly dryRun?: boolean;
  readonly output: OutputFormat;
}

export function addDelete(program: Command): void {
  addAdminOptions(program.command("delete"))
    .summary("delete an object from a running control service")
    .description("Deletes an object that was applied by the API. One that stands in a file is deleted there.")
    .argument("<kind>", "such as VirtualService, virtualservices or vs")
    .argument("<name>", "name of the object")
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .option("--dry-run", "only say what would become of it")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 1 where there is no such object, it stands in a file, or the service refuses: with strict admission, where others would break.

Examples:
  $ meshwright delete vs reviews --token-file state/ca/admin-token
  $ meshwright delete gateway edge -n istio-system --dry-run --token-file state/ca/admin-token`,
    )
    .action(remove);
}

async function remove(kind: string, name: string, { namespace, dryRun = false, output, ...admin }: DeleteOptions): Promise<void> {
  const path = `/api/v1/objects/${[kind, namespace, name].map(encodeURIComponent).join("/")}${dryRun ? "?dryRun=true" : ""}`;
  const answer = (await askAdmin(admin, path, { method: "DELETE", accept: REFUSALS })) as ObjectsAnswer | Refused;
  printAnswer(output, answer);
}
