import type { ExchangeRequest } from "../../harness/target/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { openInput } from "../read-file.ts";
import { format, type OutputOptions } from "./output.ts";
import { parseRequests, type RequestLine } from "./requests.ts";
import type { Sender } from "./time-limit.ts";

const WARNINGS: ReadonlySet<string> = new Set(["warn", "error", "critical"]);

/** Envoy's `%RESPONSE_CODE_DETAILS%` of a stream whose VM has trapped. */
const TRAPPED = "wasm_fail_stream";

/** The requests of an input: a file of JSON lines, or `-`. */
export interface Requests {
  /** What messages call the input. */
  readonly name: string;
  /** To be read once; a line that is not asked for is not read either. */
  readonly lines: AsyncIterable<RequestLine>;
}

/** Rejects where the input cannot be read, or holds nothing. However large it is, its lines are read when they are needed. */
export async function openRequests(input: string): Promise<Requests> {
  const name = input === "-" ? "standard input" : input;
  const rest = parseRequests(name, await openInput(input, "requests"))[Symbol.asyncIterator]();
  const first = await rest.next();
  if (first.done === true) throw new CliError(ExitCode.Input, `${name}: holds no request; a line is {"path": "/"}`);
  const lines = async function* () {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => rest };
  };
  return { name, lines: lines() };
}

/** All of them. */
export async function readRequests(input: string): Promise<{ readonly name: string; readonly lines: readonly RequestLine[] }> {
  const { name, lines } = await openRequests(input);
  const all: RequestLine[] = [];
  for await (const line of lines) all.push(line);
  return { name, lines: all };
}

/**
 * Sends requests and prints their results in the order of the lines, however many are under way. A line that is wrong gives `{id, error}` in its place and makes the exit code 1.
 *
 * @param lanes requests that are given to the target before the first of them has its result
 * @returns the number of the first line for which a module trapped
 */
export async function runRequests(
  { name, lines }: Requests,
  target: Sender,
  lanes: number,
  options: OutputOptions,
): Promise<number | undefined> {
  const start = (line: RequestLine): Promise<object> =>
    "error" in line ? Promise.resolve(badLine(line.id, line.error)) : resultOf(target, line.request, `${name}:${line.line}`);
  const pending: Array<{ readonly line: number; readonly result: Promise<object> }> = [];
  let failed = false;
  let trapped: number | undefined;
  const results = new Results();
  const next = async () => {
    const sent = pending.shift();
    if (sent === undefined) return;
    const result = await sent.result;
    failed ||= "error" in result;
    if ("details" in result && result.details === TRAPPED) trapped ??= sent.line;
    results.print(format(result, options));
  };
  for await (const line of lines) {
    pending.push({ line: line.line, result: start(line) });
    if (pending.length >= lanes) await next();
  }
  while (pending.length > 0) await next();
  results.flush();
  for (const line of await warnings(target)) process.stderr.write(`${line}\n`);
  if (failed) process.exitCode = ExitCode.Input;
  return trapped;
}

/** Standard output, to which the results of one turn of the event loop go in one write: a write for each would be a tenth of the work. */
class Results {
  private text = "";

  print(result: string): void {
    if (this.text === "") setImmediate(() => this.flush());
    this.text += result;
  }

  flush(): void {
    if (this.text !== "") process.stdout.write(this.text);
    this.text = "";
  }
}

async function resultOf(target: Sender, request: ExchangeRequest, place: string): Promise<object> {
  try {
    return await target.send(request);
  } catch (error) {
    return badLine(request.id, `${place}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What filters logged at warn and above, each line once: Envoy runs a filter in several instances. */
async function warnings(target: Sender): Promise<Set<string>> {
  const lines = await target.logs().catch(() => []);
  return new Set(lines.filter(({ level }) => WARNINGS.has(level)).map(({ level, message }) => `${level}: ${message}`));
}

function badLine(id: string | undefined, error: string): object {
  return { ...(id !== undefined && { id }), error };
}
