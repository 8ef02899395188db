import { CliError, ExitCode } from "../cli-error.ts";
import { ensureEnvoy } from "../provide-envoy.ts";
import { type Behaviour, behaviourOf, type Cause, causeOf } from "../diff/requests/behaviour.ts";
import { compareSides, type RequestsReport, type See } from "../diff/requests/compare.ts";
import { type FilterOptions, startFilter } from "../try/filter.ts";
import type { Sender } from "../try/time-limit.ts";

export interface ReplayOptions extends Omit<FilterOptions, "config"> {
  /** A file of recorded requests; `-` for standard input. */
  readonly requests: string;
  readonly config?: string;
  /** The filter as it is. */
  readonly against: string;
  readonly againstConfig?: string;
  /** Names of headers by the fields of an access log that hold them. */
  readonly headers: ReadonlyMap<string, string>;
}

/**
 * Runs recorded requests through a filter as it is and as it is to be, one after the other, because a filter may count them. In process both draw the same random numbers and have the same clock, which
 * stands still between requests.
 *
 * @returns what is treated differently, by its cause. Rejects with a `CliError` where a filter does not start or nothing is recorded
 */
export async function replay({ requests, against, againstConfig, headers, ...options }: ReplayOptions): Promise<RequestsReport> {
  if (options.host === "envoy") await ensureEnvoy();
  const { config, ...rest } = options;
  await using resources = new AsyncDisposableStack();
  const [before, after] =
    against === options.filter
      ? [`--against-config ${againstConfig ?? "(none)"}`, `--config ${config ?? "(none)"}`]
      : [`--against ${against}`, `--filter ${options.filter}`];
  const old = resources.use(
    await sideOf(before, startFilter({ ...rest, filter: against, ...(againstConfig === undefined ? {} : { config: againstConfig }) })),
  );
  const now = resources.use(await sideOf(after, startFilter({ ...rest, ...(config === undefined ? {} : { config }) })));
  return await compareSides([seenBy(before, old), seenBy(after, now)], {
    name: requests === "-" ? "standard input" : requests,
    file: requests,
    direction: undefined,
    headers,
    lanes: 1,
    once: false,
    cause: causeBetween,
  });
}

function seenBy(side: string, target: Sender): See {
  return async (request) => {
    const result = await sideOf(side, target.send(request));
    return behaviourOf({ result, mark: undefined }, { routes: [], faults: new Map() });
  };
}

/** Says on which side something failed: the two filters often have one name, and no message tells them apart. */
async function sideOf<T>(side: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { exitCode, message } = error instanceof CliError ? error : new CliError(ExitCode.Input, (error as Error).message);
    throw exitCode === ExitCode.Environment ? error : new CliError(exitCode, `${side}: ${message}`, { cause: error });
  }
}

/** Beside what becomes of a request, whatever a filter says that it decided: the rule is another, and the outcome is not. */
function causeBetween(before: Behaviour, after: Behaviour): Cause | undefined {
  const cause = causeOf(before, after);
  if (cause !== undefined && cause.aspect !== "changed") return cause;
  const [old, now] = [decided(before), decided(after)];
  return old === now ? cause : { aspect: "decided", before: old, after: now };
}

function decided({ result: { decisions } }: Behaviour): string {
  // Reasons may hold what is of one request alone, and would make a cause of each.
  return decisions.map(({ filter, rule, result }) => `${filter}${rule === "" ? "" : `, ${rule}`}: ${result}`).join("; ") || "nothing";
}
