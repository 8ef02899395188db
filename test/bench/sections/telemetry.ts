import { measureInterleaved } from "../measure/interleaved.ts";
import { pairedDifference, pairedRatio } from "../statistics.ts";
import { HEADER_JOB } from "../variants/header-job.ts";
import { TELEMETRY } from "../variants/telemetry.ts";
import { describeMissing, digits, type Section } from "./section.ts";

export const telemetry: Section = {
  id: "telemetry",
  title: "Telemetry",
  text: "Istio's four metrics of HTTP requests with their 25 labels: by the filter `telemetry`, in plain text, and by Envoy's `stats` access logger (1.37 and later), whose labels are formatters. Added to no filter.",
  async run(context) {
    const variants = [...HEADER_JOB.filter(({ id }) => id === "no-filter"), ...TELEMETRY];
    const { micros, missing } = await measureInterleaved(variants, context);
    const base = micros.get("no-filter") ?? [];
    const native = micros.get("native");
    const figures: Record<string, number> = {};
    const rows = TELEMETRY.flatMap(({ id, title }) => {
      const values = micros.get(id);
      if (values === undefined) return [];
      figures[id] = pairedDifference([values, base]);
      const ratio = native === undefined ? NaN : pairedRatio(values, native, base);
      return [[title, digits(figures[id] ?? NaN), digits(ratio)]];
    });
    return {
      effort: `${context.rounds} rounds of ${context.batches} batches`,
      columns: ["what counts", "adds, µs", "of native"],
      rows,
      figures,
      missing: describeMissing(variants, missing),
    };
  },
};
