/** What a rule of the filter `fault` does, as its configuration says it. */
export interface FaultSettings {
  readonly delay: string;
  readonly abort: string;
}

interface Fault {
  readonly percentage?: { readonly value?: number; readonly by?: unknown };
  readonly [field: string]: unknown;
}

interface Rule {
  readonly name: string;
  readonly delay?: Fault;
  readonly abort?: Fault;
}

/** Filters of ours whose outcome depends on how many requests came before. */
const COUNTING: ReadonlySet<string> = new Set(["ratelimit", "ejection"]);

/** The shortest delay that the filter takes: with it a rule decides, and is named in the log. */
const NAMED: Fault = { percentage: { value: 100 }, fixedDelay: "1ms" };

/**
 * The configuration of the module `mesh` without what counts requests or throws dice: every rule with a fault decides, so that it is known which it was, and strikes only where it always does.
 *
 * @returns undefined for what is not ours
 */
export function certainFilters(
  text: string,
): { readonly configuration: string; readonly faults: ReadonlyMap<string, FaultSettings> } | undefined {
  const faults = new Map<string, FaultSettings>();
  const filters = filtersIn(text);
  if (filters === undefined) return undefined;
  const certain = filters
    .filter(({ name }) => !COUNTING.has(name))
    .map(({ name, configuration }) => {
      if (name !== "fault") return { name, configuration };
      const { maxActiveFaults: _limit, rules, ...others } = configuration;
      return { name, configuration: { ...others, rules: (rules as readonly Rule[]).map((rule) => certainRule(rule, faults)) } };
    });
  return { configuration: JSON.stringify({ filters: certain }), faults };
}

interface Filter {
  readonly name: string;
  readonly configuration: Readonly<Record<string, unknown>>;
}

function filtersIn(text: string): readonly Filter[] | undefined {
  try {
    const { filters } = JSON.parse(text) as { readonly filters?: unknown };
    return Array.isArray(filters) ? (filters as readonly Filter[]) : undefined;
  } catch {
    return undefined;
  }
}

function certainRule(rule: Rule, faults: Map<string, FaultSettings>): Rule {
  const { name, delay, abort, ...match } = rule;
  if (delay === undefined && abort === undefined) return rule;
  faults.set(name, { delay: delay === undefined ? "" : JSON.stringify(delay), abort: abort === undefined ? "" : JSON.stringify(abort) });
  const always = abort?.percentage?.value === 100;
  return { ...match, name, delay: NAMED, ...(always ? { abort } : {}) };
}
