import type { Command } from "commander";
import { startTraced } from "../../harness/host/worker/index.ts";
import type { ExchangeRequest, ExchangeResult } from "../../harness/target/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { outputOption, print, type OutputFormat } from "../control/output.ts";
import { requestsOf } from "../trace/requests.ts";
import { totalPrice, traceText } from "../trace/text.ts";
import { filterChain, refusal } from "../try/filter.ts";

interface TraceOptions {
  readonly config?: string;
  readonly cluster: readonly string[];
  readonly start?: true;
  readonly output: OutputFormat;
}

export function addTrace(program: Command): void {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  program
    .command("trace")
    .summary("every callback and hostcall of a request through a filter")
    .description(
      "Runs requests through one filter in the in-process host and shows each callback and each hostcall that it made, with arguments, results, statuses, copied bytes, and what it would cost Envoy by a list of measured prices.",
    )
    .argument("<filter>", "a filter of this package, or a module (FILE.wasm)")
    .argument("[requests]", "a file of JSON lines, as of try; - for standard input. Default: one GET of /")
    .option("--config <file>", "the filter's configuration, JSON or YAML")
    .option("--cluster <name=file>", "what a cluster answers that the filter calls; may be repeated", collect, [])
    .option("--start", "show what the filter does while it starts, too")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Examples:
  $ meshwright trace mine.wasm
  $ echo '{"path": "/api", "headers": [["x-user", "ann"]]}' | meshwright trace routing --config routing.json -
  $ meshwright trace mine.wasm requests.jsonl --start --output json`,
    )
    .action(runTrace);
}

async function runTrace(filter: string, input: string | undefined, options: TraceOptions): Promise<void> {
  const requests = await requestsOf(input);
  const chain = await filterChain({ ...options, filter });
  await using target = await startTraced(chain).catch((error: unknown) => {
    throw refusal(error);
  });
  const started = await target.trace();
  if (options.start === true) show({ callbacks: started, price: totalPrice(started) }, "start", options.output);
  for await (const request of requests) {
    const result = await target.send(request).catch((error: unknown) => {
      throw new CliError(ExitCode.Input, error instanceof Error ? error.message : String(error), { cause: error });
    });
    const callbacks = await target.trace();
    const { outcome, status, details } = result;
    show({ result, callbacks, price: totalPrice(callbacks) }, `${titleOf(request)}: ${outcome} ${status} (${details})`, options.output);
    if (callbacks.some(({ trap }) => trap !== undefined)) process.exitCode = ExitCode.Input;
  }
}

function titleOf({ id, method = "GET", path }: ExchangeRequest): string {
  return id ?? `${method} ${path}`;
}

interface Shown {
  readonly result?: ExchangeResult;
  readonly callbacks: Parameters<typeof traceText>[0];
  readonly price: ReturnType<typeof totalPrice>;
}

function show(shown: Shown, title: string, output: OutputFormat): void {
  if (output === "json") {
    process.stdout.write(`${JSON.stringify(shown)}\n`);
    return;
  }
  const { nanoseconds, hostcalls, unpriced } = shown.price;
  const rest = unpriced === 0 ? "" : `, without ${unpriced} that have no price`;
  if (output === "yaml") process.stdout.write("---\n");
  print(
    output,
    shown,
    () => `${title}\n${traceText(shown.callbacks)}  ${hostcalls} hostcalls; ${(nanoseconds / 1000).toFixed(2)} µs in Envoy${rest}\n`,
  );
}
