import { Option, type Command } from "commander";
import { stringify } from "yaml";
import { bootstrapOf } from "../../control/bootstrap/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { readModules } from "../proxy/modules.ts";
import { addProxyOptions, type ProxyOptions, requestOf } from "../proxy/options.ts";

interface BootstrapOptions extends ProxyOptions {
  readonly modules?: true;
  readonly output: "json" | "yaml";
}

export function addBootstrap(program: Command): void {
  const command = program
    .command("bootstrap")
    .summary("print what an Envoy of the mesh starts with")
    .description("Prints the bootstrap of one proxy: who it is and where the control service is. All else comes from there.");
  addProxyOptions(command)
    .option("--modules", "announce the modules of this package as files, for an Envoy on this machine (default: they are sent)")
    .addOption(new Option("--output <format>", "how it is printed").choices(["json", "yaml"]).default("json"))
    .addHelpText(
      "after",
      `
Examples:
  $ meshwright bootstrap --proxy sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local --control 127.0.0.1:15010 > envoy.json
  $ meshwright bootstrap --proxy router~10.0.0.2~ingress.istio-system~istio-system.svc.cluster.local --control control.example:15012 \\
      --control-ca ca.pem --metadata '{"LABELS": {"istio": "ingressgateway"}}' --output yaml
  $ meshwright bootstrap -f mesh/ --proxy sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local --control 127.0.0.1:15010`,
    )
    .action(printBootstrap);
}

async function printBootstrap(options: BootstrapOptions): Promise<void> {
  const files = options.modules === true ? await readModules([]) : {};
  const modules = Object.fromEntries(Object.entries(files).map(([name, { path, sha256 }]) => [name, { path, sha256 }]));
  const request = await requestOf(options, (problem) => {
    process.stderr.write(`${problem}\n`);
    process.exitCode = ExitCode.Input;
  });
  const made = bootstrapOf({ ...request, modules });
  if ("problems" in made) throw new CliError(ExitCode.Input, made.problems.join("\n"));
  process.stdout.write(
    options.output === "yaml"
      ? stringify(made.bootstrap, { aliasDuplicateObjects: false })
      : `${JSON.stringify(made.bootstrap, undefined, 2)}\n`,
  );
}
