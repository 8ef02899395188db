import { measureInterleaved } from "../measure/interleaved.ts";
import { median, pairedDifference, pairedRatio } from "../statistics.ts";
import { HEADER_JOB } from "../variants/header-job.ts";
import type { Variant } from "../variants/variant.ts";
import { describeMissing, digits, type BenchContext, type Section, type SectionResult } from "./section.ts";

/** The header job by every way to do it, or by those that were asked for. */
export async function measureHeaderJob(variants: readonly Variant[], context: BenchContext): Promise<Omit<SectionResult, "date">> {
  const { micros, missing } = await measureInterleaved(variants, context);
  const base = micros.get("no-filter") ?? [];
  const rawC = micros.get("raw-c");
  const figures: Record<string, number> = {};
  const rows = variants.flatMap(({ id, title }) => {
    const own = micros.get(id);
    if (own === undefined) return [];
    const added = base.length === 0 ? NaN : pairedDifference([own, base]);
    const ratio = rawC === undefined || base.length === 0 || id === "no-filter" ? NaN : pairedRatio(own, rawC, base);
    for (const peer of ["raw-c", "rust", "lua", "proxy-wasm-sdk-as"]) {
      const other = micros.get(peer);
      if (other !== undefined && base.length > 0) figures[`${id}/${peer}`] = pairedRatio(own, other, base);
    }
    figures[id] = median(own);
    return [[title, digits(median(own)), id === "no-filter" ? "" : digits(added), digits(ratio)]];
  });
  return {
    effort: `${context.rounds} rounds of ${context.batches} batches`,
    columns: ["header job", "µs a request", "added, µs", "added, of C"],
    rows,
    figures,
    missing: describeMissing(variants, missing),
  };
}

export const headerJob: Section = {
  id: "header-job",
  title: "The header job",
  text: "Read `:path`, `x-user` and `authorization`; where `:path` starts with `/api/`, set the request header `x-route` to `canary` if `x-user` ends with `-beta`, else to `stable`; add the response header `x-filter: 1`.",
  run: (context) => measureHeaderJob(HEADER_JOB, context),
};
