import type { Command } from "commander";
import type { ShownObject } from "../../control/admin/objects/document.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { addAdminOptions, type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { type OutputFormat, outputOption, print, table } from "../control/output.ts";

interface GetOptions extends AdminOptions {
  readonly namespace?: string;
  readonly output: OutputFormat;
}

export function addGet(program: Command): void {
  addAdminOptions(program.command("get"))
    .summary("show the objects of a running control service")
    .description(
      "Shows the objects that count, from directories and from the API. As JSON or YAML they are the documents with their version, which apply takes again; of Secrets the values are left out.",
    )
    .argument("[kind]", "such as VirtualService, virtualservices or vs; default: all")
    .argument("[name]", "default: all of the kind")
    .option("-n, --namespace <namespace>", "namespace (default: all, for a name default)")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 1 where there is no such kind or object.

Examples:
  $ meshwright get
  $ meshwright get vs reviews -n default --output yaml`,
    )
    .action(get);
}

async function get(kind: string | undefined, name: string | undefined, { namespace, output, ...admin }: GetOptions): Promise<void> {
  const place = name === undefined ? namespace : (namespace ?? "default");
  const query = Object.entries({ kind, namespace: place, name }).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  const { objects } = (await askAdmin(admin, `/api/v1/objects${query.length === 0 ? "" : `?${query.join("&")}`}`)) as {
    readonly objects: readonly ShownObject[];
  };
  const [first] = objects;
  if (name !== undefined && first === undefined) throw new CliError(ExitCode.Input, `there is no ${kind ?? ""} ${place ?? ""}/${name}`);
  const documents =
    name !== undefined && first !== undefined
      ? first.object
      : { apiVersion: "v1", kind: "List", items: objects.map(({ object }) => object) };
  print(output, documents, () => asText(objects));
}

function asText(objects: readonly ShownObject[]): string {
  if (objects.length === 0) return "there is no object\n";
  const rows = objects.map(({ kind, namespace, name, resourceVersion, source, file, line }) => [
    kind,
    namespace,
    name,
    resourceVersion,
    source === "api" ? "API" : `${file}:${line}`,
  ]);
  return table([["KIND", "NAMESPACE", "NAME", "VERSION", "FROM"], ...rows]);
}
