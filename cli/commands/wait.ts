import type { Command } from "commander";
import type { WaitResult } from "../../control/admin/wait.ts";
import { parseDuration } from "../../control/model/fields/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { addAdminOptions, type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { type OutputFormat, outputOption, print } from "../control/output.ts";

export function addWait(program: Command): void {
  addAdminOptions(program.command("wait"))
    .summary("wait until every proxy has accepted the configuration")
    .description("Has the control service read its sources to the end, then waits until every proxy has accepted what it was sent.")
    .option("--timeout <duration>", "at most so long", "30s")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 1 where a proxy refuses something, does not answer in time, or an object has an error; the reason is printed.

Examples:
  $ meshwright wait
  $ meshwright wait --timeout 5s --output json`,
    )
    .action(wait);
}

async function wait({
  timeout,
  output,
  ...options
}: AdminOptions & { readonly timeout: string; readonly output: OutputFormat }): Promise<void> {
  const milliseconds = parseDuration(timeout);
  if (milliseconds === undefined || milliseconds < 0) throw new CliError(ExitCode.Usage, `--timeout ${timeout} is no duration; write 30s`);
  const path = `/api/v1/wait?timeout=${encodeURIComponent(timeout)}`;
  const result = (await askAdmin(options, path, { method: "POST", timeout: milliseconds + 30_000 })) as WaitResult;
  print(output, result, () => asText(result));
  if (!result.converged || result.errors.length > 0) process.exitCode = ExitCode.Input;
}

function asText({ converged, waiting, refused, errors }: WaitResult): string {
  return [
    ...errors.map((error) => `error: ${error}`),
    ...refused.map(({ proxy, type, resource, reason }) => `${proxy} refuses ${type} ${resource}: ${reason}`),
    ...waiting.flatMap(({ proxy, types, unasked }) => [
      ...(types.length > 0 ? [`${proxy} has not answered: ${types.join(", ")}`] : []),
      ...(unasked.length > 0 ? [`${proxy} has not asked yet for: ${unasked.join(", ")}`] : []),
    ]),
    ...(converged ? ["every proxy has accepted everything"] : []),
    "",
  ].join("\n");
}
