import { measureInterleaved } from "../measure/interleaved.ts";
import { pairedDifference, pairedRatio } from "../statistics.ts";
import { HEADER_JOB } from "../variants/header-job.ts";
import { RATELIMIT, RATELIMIT_CASES } from "../variants/ratelimit.ts";
import { describeMissing, digits, type Section } from "./section.ts";

const KINDS = ["envoy", "worker", "native"] as const;

export const ratelimit: Section = {
  id: "ratelimit",
  title: "Rate limits",
  text: "Buckets that never run empty: in the filter `ratelimit`, shared by all workers (scope ENVOY) or each worker's own (WORKER), and in Envoy's `local_ratelimit`, whose buckets all workers share. Added to no filter.",
  async run(context) {
    const variants = [...HEADER_JOB.filter(({ id }) => id === "no-filter"), ...RATELIMIT];
    const { micros, missing } = await measureInterleaved(variants, context);
    const base = micros.get("no-filter") ?? [];
    const figures: Record<string, number> = {};
    const rows = RATELIMIT_CASES.map(({ id, title }) => {
      const [shared, own, native] = KINDS.map((kind) => micros.get(`${kind}-${id}`));
      const cells = KINDS.map((kind) => {
        const values = micros.get(`${kind}-${id}`);
        if (values === undefined) return "–";
        figures[`${kind}-${id}`] = pairedDifference([values, base]);
        return digits(figures[`${kind}-${id}`] ?? NaN);
      });
      const ratios = [shared, own].map((values) =>
        values === undefined || native === undefined ? NaN : pairedRatio(values, native, base),
      );
      return [title, ...cells, ...ratios.map((ratio) => digits(ratio))];
    });
    for (const kind of KINDS) {
      const [one, most] = [`${kind}-tenants-1`, `${kind}-tenants-1000`].map((id) => micros.get(id));
      if (one !== undefined && most !== undefined) figures[`${kind}-tenants-1000/${kind}-tenants-1`] = pairedRatio(most, one, base);
    }
    return {
      effort: `${context.rounds} rounds of ${context.batches} batches`,
      columns: ["limits", "ENVOY adds, µs", "WORKER adds, µs", "native adds, µs", "ENVOY of native", "WORKER of native"],
      rows,
      figures,
      missing: describeMissing(variants, missing),
    };
  },
};
