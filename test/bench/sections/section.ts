import type { Cores } from "../envoy/cores.ts";
import type { Variant } from "../variants/variant.ts";

/** What a run was asked for, and where it runs. */
export interface BenchContext {
  /** Path of the Envoy binary. */
  readonly envoy: string;
  readonly cores: Cores | undefined;
  readonly rounds: number;
  /** Batches for each variant in a round. */
  readonly batches: number;
  /** Requests for each memory measurement. */
  readonly requests: number;
  readonly progress: (line: string) => void;
}

/** A table of the report, and its figures by name for the comparison with the design's numbers. */
export interface SectionResult {
  /** Day of the run, ISO 8601. */
  readonly date: string;
  /** How much was measured, for instance `7 rounds of 3000 batches`. */
  readonly effort: string;
  readonly columns: readonly string[];
  /** Cells as they are shown; the first column is text. */
  readonly rows: ReadonlyArray<readonly string[]>;
  readonly figures: Readonly<Record<string, number>>;
  /** What this machine could not run, and why. */
  readonly missing: readonly string[];
}

/** One table of the benchmark. */
export interface Section {
  readonly id: string;
  readonly title: string;
  /** What the table shows, for a reader who knows Envoy. */
  readonly text: string;
  run(context: BenchContext): Promise<Omit<SectionResult, "date">>;
}

/** Titles with reasons, for {@link SectionResult.missing}. */
export function describeMissing(variants: readonly Variant[], missing: ReadonlyMap<string, string>): string[] {
  return variants.flatMap(({ id, title }) => (missing.has(id) ? [`${title}: ${missing.get(id)}`] : []));
}

/** Microseconds or a ratio with two digits after the point; `–` where there is none. */
export function digits(value: number, count = 2): string {
  return Number.isFinite(value) ? value.toFixed(count) : "–";
}
