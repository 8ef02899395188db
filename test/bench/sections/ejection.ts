import { measureInterleaved } from "../measure/interleaved.ts";
import { pairedDifference } from "../statistics.ts";
import { EJECTION } from "../variants/ejection.ts";
import { describeMissing, digits, type Section } from "./section.ts";

export const ejection: Section = {
  id: "ejection",
  title: "Ejection",
  text: "The filter `ejection` in the upstream chain, on good answers: added to an attempt at a listener of the same Envoy.",
  async run(context) {
    const { micros, missing } = await measureInterleaved(EJECTION, context);
    const base = micros.get("no-filter") ?? [];
    const figures: Record<string, number> = {};
    const rows = EJECTION.flatMap(({ id, title }) => {
      const values = micros.get(id);
      if (values === undefined || id === "no-filter") return [];
      figures[id] = pairedDifference([values, base]);
      return [[title, digits(figures[id] ?? NaN)]];
    });
    return {
      effort: `${context.rounds} rounds of ${context.batches} batches`,
      columns: ["what is configured", "adds, µs"],
      rows,
      figures,
      missing: describeMissing(EJECTION, missing),
    };
  },
};
