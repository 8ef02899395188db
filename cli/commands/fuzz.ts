import { access, constants, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { Corpus, CorpusError, Dictionary, Fuzzer, reproduction, type Finding, type FuzzProgress } from "../../harness/fuzz/index.ts";
import { makeFolder } from "../../harness/make-folder.ts";
import type { CalloutAnswer, ChainSpec, Target } from "../../harness/target/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { outputOption, print, type OutputFormat } from "../control/output.ts";
import { ProgressLine, progressText } from "../fuzz/progress.ts";
import { readModule } from "../read-module.ts";
import { ensureEnvoy } from "../provide-envoy.ts";
import { filterChain, refusal } from "../try/filter.ts";
import { checkRequest } from "../try/requests.ts";

interface FuzzCommandOptions {
  readonly config?: string;
  readonly cluster: readonly string[];
  readonly time?: number;
  readonly count?: number;
  readonly seed?: number;
  readonly corpus?: string;
  readonly reproduction: string;
  readonly hostOnly?: true;
  readonly stateless?: true;
  readonly output: OutputFormat;
}

/** Milliseconds without `--time` and `--count`. */
const DEFAULT_TIME = 60_000;

export function addFuzz(program: Command): void {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  program
    .command("fuzz")
    .summary("look for requests that a filter breaks on")
    .description(
      "Makes requests and answers of upstreams, by the grammar of HTTP, by words that stand in the module, and by what led somewhere before; runs them through one filter in the in-process host and in a private Envoy; and makes the first trap, endless loop, crash, hang, leak or difference small. It is written as a scenario that vitest runs.",
    )
    .argument("<filter>", "a filter of this package, or a module (FILE.wasm)")
    .option("--config <file>", "the filter's configuration, JSON or YAML")
    .option("--cluster <name=file>", "what a cluster answers that the filter calls; may be repeated", collect, [])
    .option("--time <duration>", "for how long, such as 30s or 10m. Default: 60s, or as long as --count takes", duration)
    .option("--count <number>", "how many requests at most", positive)
    .option("--seed <number>", "begin with the choices of an earlier run. Default: another one each time", positive)
    .option("--corpus <folder>", "keep requests that led to something new, and begin with those that are kept")
    .option("--reproduction <folder>", "where the scenario is written", ".")
    .option("--host-only", "do without Envoy")
    .option("--stateless", "the outcome of a request may not depend on earlier ones")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
The exit code is 1 where something was found.

Examples:
  $ meshwright fuzz mine.wasm
  $ meshwright fuzz mine.wasm --config mine.json --time 10m --corpus corpus
  $ meshwright fuzz mine.wasm --host-only --count 20000 --seed 42`,
    )
    .action(runFuzz);
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function duration(value: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value) ?? [];
  const milliseconds = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (!(milliseconds > 0)) throw new InvalidArgumentError("expected a duration such as 30s or 10m");
  return milliseconds;
}

function positive(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("expected a whole number from 1 on");
  return number;
}

/** The shape of the command's JSON. */
interface FuzzReport extends FuzzProgress {
  readonly seed: number;
  readonly finding?: Finding & { readonly file: string };
}

async function runFuzz(filter: string, options: FuzzCommandOptions): Promise<void> {
  const module = readModule(filter);
  const chain = await filterChain({ ...options, filter });
  const [spec, upstream] = chain.filters[0] === undefined ? [chain.upstreamFilters?.[0], true] : [chain.filters[0], false];
  if (spec === undefined) throw new CliError(ExitCode.Input, `${filter}: there is nothing to run`);
  const configuration = Buffer.from(
    typeof spec.configuration === "string" || spec.configuration instanceof Uint8Array ? spec.configuration : "",
  ).toString();
  // Before anything runs: a finding that cannot be written would be lost.
  const folder = await writableFolder(options.reproduction);
  const corpus = corpusOf(options.corpus);
  const envoy = options.hostOnly === true ? undefined : await envoyFor();
  const seed = options.seed ?? (Date.now() % 1_000_000) + 1;
  const started = performance.now();
  const now = () => performance.now();
  const time = options.time ?? (options.count === undefined ? DEFAULT_TIME : Number.POSITIVE_INFINITY);
  const line = new ProgressLine(now);
  const fuzzer = new Fuzzer({
    chain,
    dictionary: new Dictionary(module.bytes, configuration),
    corpus,
    seed,
    ...(envoy !== undefined && { envoy }),
    count: options.count ?? Number.POSITIVE_INFINITY,
    deadline: started + time,
    now,
    stateless: options.stateless === true,
    onProgress: (progress) => line.show(progress),
  });
  const { finding, progress } = await fuzzer
    .run()
    .catch((error: unknown) => {
      if (!(error instanceof CorpusError)) throw refusal(error);
      throw new CliError(ExitCode.Environment, `--corpus ${options.corpus}: ${error.message}; make room, or name another folder`, {
        cause: error,
      });
    })
    .finally(() => line[Symbol.dispose]());
  const summary = progressText(progress, now() - started);
  if (finding === undefined) {
    print(options.output, { seed, ...progress } satisfies FuzzReport, () => `found nothing: ${summary}; seed ${seed}\n`);
    return;
  }
  const file = join(folder, `fuzz-${module.name}-${finding.kind}-${seed}.test.ts`);
  const source = reproduction({ finding, filter: spec, upstream, callouts: answersOf(chain), seed, folder });
  const unwritten = await writeFile(file, source).then(
    () => undefined,
    (error: Error) => error,
  );
  const report: FuzzReport = { seed, ...progress, finding: { ...finding, file } };
  print(
    options.output,
    report,
    () => `${finding.kind}: ${finding.message}\n${requestLines(finding)}scenario: ${file}\n${summary}; seed ${seed}\n`,
  );
  process.exitCode = ExitCode.Input;
  // What was found comes first: it may have taken an hour.
  if (unwritten !== undefined)
    throw new CliError(
      ExitCode.Input,
      `--reproduction ${options.reproduction}: the scenario was not written: ${unwritten.message}; make room, or name another folder, and run with --seed ${seed}. This is the scenario:\n${source}`,
      { cause: unwritten },
    );
}

/** What the clusters of `--cluster` answer: the same whatever they are asked. */
function answersOf({ callouts = {} }: ChainSpec): Record<string, CalloutAnswer> {
  const anything = { headers: [], body: new Uint8Array(0), trailers: [] };
  return Object.fromEntries(Object.entries(callouts).map(([name, answer]) => [name, answer(anything)]));
}

/** What people are shown of a finding; all of it stands in its file. */
const SHOWN_REQUESTS = 10;
const SHOWN_CHARACTERS = 400;

function requestLines({ requests }: Finding): string {
  const lines = requests.slice(-SHOWN_REQUESTS).map((request) => {
    const text = JSON.stringify(request);
    return `  ${text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text}\n`;
  });
  return `${requests.length > SHOWN_REQUESTS ? `  ... ${requests.length - SHOWN_REQUESTS} requests before\n` : ""}${lines.join("")}`;
}

async function envoyFor(): Promise<Target> {
  await ensureEnvoy().catch((error: unknown) => {
    if (error instanceof CliError) throw new CliError(error.exitCode, `${error.message}\nWithout an Envoy: --host-only`, { cause: error });
    throw error;
  });
  const { envoyTarget } = await import("../../harness/envoy/index.ts");
  const reason = await envoyTarget.unavailable();
  if (reason !== undefined) throw new CliError(ExitCode.Environment, `${reason}\nWithout an Envoy: --host-only`);
  return envoyTarget;
}

async function writableFolder(path: string): Promise<string> {
  const folder = resolve(path);
  try {
    makeFolder(folder);
    await access(folder, constants.W_OK);
    return folder;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(ExitCode.Input, `--reproduction ${path}: no scenario can be written there: ${reason}`, { cause: error });
  }
}

function corpusOf(folder: string | undefined): Corpus {
  try {
    return new Corpus(folder, (value) => {
      const checked = checkRequest(value);
      return "error" in checked ? checked.error : undefined;
    });
  } catch (error) {
    throw new CliError(ExitCode.Input, `--corpus ${folder}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
