import { type Command, InvalidArgumentError } from "commander";
import { startProfiled } from "../../harness/host/worker/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { outputOption, print, type OutputFormat } from "../control/output.ts";
import { profileText, type ProfileReport } from "../profile/text.ts";
import { firstRequestsOf } from "../trace/requests.ts";
import { filterChain, refusal } from "../try/filter.ts";

interface ProfileOptions {
  readonly config?: string;
  readonly cluster: readonly string[];
  readonly count: number;
  readonly output: OutputFormat;
}

/** Requests that are sent before the profile begins: V8 compiles what runs often anew. */
const WARM_UP = 500;
const TRAPPED = "wasm_fail_stream";

export function addProfile(program: Command): void {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  program
    .command("profile")
    .summary("where a filter's time goes, over many requests")
    .description(
      "Runs requests through one filter in the in-process host, many times over, and sums them: hostcalls by name, bytes copied, allocations, growth of memory, the time that the calls would cost Envoy by a list of measured prices, and the functions of the module that take longest.",
    )
    .argument("<filter>", "a filter of this package, or a module (FILE.wasm)")
    .argument("[requests]", "a file of JSON lines, as of try, sent in turn; - for standard input. Default: GET of /")
    .option("--config <file>", "the filter's configuration, JSON or YAML")
    .option("--cluster <name=file>", "what a cluster answers that the filter calls; may be repeated", collect, [])
    .option("--count <number>", "how many requests", count, 5000)
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Functions have names where the module has a name section: build it with debug information (asc --debug, rustc -C strip=none).

Examples:
  $ meshwright profile mine.wasm
  $ meshwright profile routing requests.jsonl --config routing.json --count 20000
  $ meshwright profile mine.wasm --output json`,
    )
    .action(runProfile);
}

function count(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 10_000_000)
    throw new InvalidArgumentError("expected a number from 1 to 10000000");
  return number;
}

async function runProfile(filter: string, input: string | undefined, options: ProfileOptions): Promise<void> {
  const requests = await firstRequestsOf(input, options.count);
  const chain = await filterChain({ ...options, filter });
  await using target = await startProfiled(chain).catch((error: unknown) => {
    throw refusal(error);
  });
  const outcomes: Record<string, number> = {};
  const send = async (index: number) => {
    const { outcome, details } = await target.send(requests[index % requests.length] ?? { path: "/" }).catch((error: unknown) => {
      throw new CliError(ExitCode.Input, error instanceof Error ? error.message : String(error), { cause: error });
    });
    return details === TRAPPED ? "trap" : outcome;
  };
  for (let i = 0; i < Math.min(WARM_UP, options.count); i++) await send(i);
  await target.begin();
  for (let i = 0; i < options.count; i++) {
    const end = await send(i);
    outcomes[end] = (outcomes[end] ?? 0) + 1;
  }
  const profile = await target.profile();
  const calls = [...profile.callbacks, ...profile.hostcalls].reduce((sum, { price = 0 }) => sum + price, 0);
  const report: ProfileReport = {
    requests: options.count,
    outcomes,
    request: { calls: Math.round(calls / options.count), module: Math.round((profile.inModules * 1000) / options.count) },
    ...profile,
  };
  print(options.output, report, () => profileText(report));
  if ((outcomes["trap"] ?? 0) > 0)
    throw new CliError(ExitCode.Input, `a callback of ${filter} trapped: meshwright trace shows where; a filter must never trap on input`);
}
