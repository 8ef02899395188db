import { type Command, Option } from "commander";
import { addAdminOptions, type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { type OutputFormat, print } from "../control/output.ts";

/** Types of resources that are made of objects. */
export const OBJECT_TYPES = ["listener", "scope", "route", "cluster", "endpoint", "filter", "secret"] as const;

export function addConfig(program: Command): void {
  addAdminOptions(program.command("config"))
    .summary("show what a proxy gets from the running control service")
    .description(
      "Shows the xDS resources of a proxy that is connected, as {type: [resources in proto3 JSON, by name]}. Private keys are not shown.",
    )
    .argument("<proxy>", "its node id, as `meshwright status` lists it")
    .addOption(new Option("--type <type>", "one type only").choices([...OBJECT_TYPES, "roots"]))
    .addOption(new Option("-o, --output <format>", "how to print").choices(["json", "yaml"]).default("json"))
    .addHelpText(
      "after",
      `
Examples:
  $ meshwright config sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local
  $ meshwright config router~10.0.0.2~gateway.default~default.svc.cluster.local --type route --output yaml`,
    )
    .action(showConfig);
}

async function showConfig(
  proxy: string,
  { type, output, ...options }: AdminOptions & { readonly type?: string; readonly output: OutputFormat },
): Promise<void> {
  const query = type === undefined ? "" : `?type=${type}`;
  const resources = await askAdmin(options, `/api/v1/proxies/${encodeURIComponent(proxy)}/config${query}`);
  print(output, resources, () => "");
}
