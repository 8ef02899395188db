import type { ExchangeRequest } from "../../../harness/target/index.ts";
import { CliError, ExitCode } from "../../cli-error.ts";
import { type Behaviour, type Cause, causeOf } from "./behaviour.ts";
import { Distinct } from "./distinct.ts";
import { type RequestGroup, RequestGroups } from "./groups.ts";
import { Progress } from "./progress.ts";
import { readRecorded, type Recording } from "./read-requests.ts";

/** Lines that are no requests, or could not be run, and why. */
export interface Failures {
  readonly count: number;
  /** The first of them. */
  readonly first: readonly { readonly line: number; readonly error: string }[];
}

/** What a change does to recorded requests. */
export interface RequestsReport {
  /** Requests that were compared. */
  readonly total: number;
  /** How many of them were run: the others differ in an id alone. */
  readonly distinct: number;
  /** How many are treated differently. */
  readonly changed: number;
  /** Lines about something else, by what: requests in the other direction, connections without HTTP. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Lines that are no requests. */
  readonly broken: Failures;
  /** Requests that could not be run. */
  readonly failed: Failures;
  readonly groups: readonly RequestGroup[];
}

/** What runs requests, as it is or as it is to be. */
export type See = (request: ExchangeRequest) => Promise<Behaviour>;

export interface ComparisonOptions extends Recording {
  /** The option or argument by which the file was named. */
  readonly name: string;
  /** Requests that are under way at a time, on both sides each. One: they are run in the order of the file. */
  readonly lanes: number;
  /** Whether requests that differ in an id alone are run once: where nothing that runs them counts requests or throws dice. */
  readonly once: boolean;
  /** Default: {@link causeOf}. */
  readonly cause?: (before: Behaviour, after: Behaviour) => Cause | undefined;
}

/** Of what is wrong, this many are named. */
const NAMED = 10;

type Verdict = { readonly error: string } | { readonly count: () => void };

const SAME = (): void => undefined;

/** Runs recorded requests on two sides, and says which are treated differently. However many there are, they are read as they are run. Rejects with a `CliError` where there is none. */
export async function compareSides([before, after]: readonly [See, See], options: ComparisonOptions): Promise<RequestsReport> {
  const { name, lanes, once, cause: causeBetween = causeOf } = options;
  const distinct = new Distinct<Verdict>();
  const groups = new RequestGroups();
  const broken = new Collected();
  const failed = new Collected();
  const skipped: Record<string, number> = {};
  let total = 0;
  let ran = 0;
  let changed = 0;
  using _progress = new Progress(
    process.stderr,
    () =>
      `${total.toLocaleString("en")} requests, ${ran.toLocaleString("en")} of them run, ${changed.toLocaleString("en")} treated differently`,
  );

  const judge = async (line: number, request: ExchangeRequest): Promise<Verdict> => {
    ran++;
    try {
      const [old, now] = await Promise.all([before(request), after(request)]);
      const cause = causeBetween(old, now);
      return { count: cause === undefined ? SAME : groups.add(cause, line, request, old, now) };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  };
  const take = async (line: number, request: ExchangeRequest): Promise<void> => {
    const verdict = await (once ? distinct.find(request, () => judge(line, request)) : judge(line, request));
    if ("error" in verdict) return failed.add(line, verdict.error);
    total++;
    if (verdict.count !== SAME) changed++;
    verdict.count();
  };

  const underWay = new Set<Promise<void>>();
  for await (const recorded of readRecorded(options)) {
    if ("error" in recorded) broken.add(recorded.line, recorded.error);
    else if ("skipped" in recorded) skipped[recorded.skipped] = (skipped[recorded.skipped] ?? 0) + 1;
    else {
      const taken = take(recorded.line, recorded.request).finally(() => underWay.delete(taken));
      underWay.add(taken);
      if (underWay.size >= lanes) await Promise.race(underWay);
    }
  }
  await Promise.all(underWay);
  if (total + broken.count + failed.count + Object.keys(skipped).length === 0)
    throw new CliError(ExitCode.Input, `${name}: holds no request; a line is {"path": "/"}, or one of Envoy's access log in JSON`);
  return { total, distinct: ran, changed, skipped, broken: broken.all(), failed: failed.all(), groups: groups.all() };
}

/** Counts what is wrong, and keeps the first of it. */
class Collected {
  count = 0;
  private readonly first: { line: number; error: string }[] = [];

  add(line: number, error: string): void {
    this.count++;
    if (this.first.length < NAMED) this.first.push({ line, error });
  }

  all(): Failures {
    return { count: this.count, first: this.first.toSorted((a, b) => a.line - b.line) };
  }
}
