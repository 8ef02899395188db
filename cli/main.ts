#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { CliError, ExitCode } from "./cli-error.ts";
import { colorsOf } from "./colors.ts";
import { commands } from "./commands/index.ts";
import { nodeProblem } from "./node-version.ts";

const { version, engines } = JSON.parse(readFileSync(packageFile(), "utf8")) as {
  readonly version: string;
  readonly engines: { readonly node: string };
};

const program = new Command("meshwright")
  .description("Service-mesh filters for Envoy and Istio: try them, run them, write your own.")
  .version(version)
  .showHelpAfterError("(--help shows what there is)")
  .exitOverride();
const problem = nodeProblem(process.versions.node, engines.node);
if (problem !== undefined) {
  process.stderr.write(`${colorsOf(process.stderr).red("error:")} ${problem}\n`);
  process.exit(ExitCode.Environment);
}
// Whatever is not a command, as a word that is misspelled or `--help`, is answered by the list of them all.
const named = commands.get(process.argv[2] ?? "");
for (const load of named === undefined ? commands.values() : [named]) (await load())(program);
for (const each of descendants(program)) each.exitOverride().showHelpAfterError("(--help shows what there is)");

// Who reads no further, as `head` does, has seen enough. A running Envoy ends with this process.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(ExitCode.Good);
  process.exit(report(new CliError(ExitCode.Environment, `the results cannot be written: ${error.message}`, { cause: error })));
});
// Of messages nobody can be told that they cannot be written.
process.stderr.on("error", () => undefined);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  // Help and version end here too, as what they are.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Good : ExitCode.Usage;
  const { message, exitCode } = CliError.from(error);
  process.stderr.write(`${colorsOf(process.stderr).red("error:")} ${message}\n`);
  return exitCode;
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...descendants(each)]);
}

/** This file runs as `cli/main.ts` in the repository and as `dist/cli/main.js` in the package. */
function packageFile(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "../package.json" : "../../package.json", import.meta.url);
}
