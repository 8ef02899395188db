import { measureInterleaved } from "../measure/interleaved.ts";
import { pairedDifference, pairedRatio } from "../statistics.ts";
import { HEADER_JOB } from "../variants/header-job.ts";
import { ROUTING, RULE_COUNTS } from "../variants/routing.ts";
import { describeMissing, digits, type Section } from "./section.ts";

export const routing: Section = {
  id: "routing",
  title: "Routing rules",
  text: "N rules on a path prefix and a header's suffix, of which the one in the middle holds: in the filter `routing`, and as N native routes. Added to one native route without a filter.",
  async run(context) {
    const variants = [...HEADER_JOB.filter(({ id }) => id === "no-filter"), ...ROUTING];
    const { micros, missing } = await measureInterleaved(variants, context);
    const base = micros.get("no-filter") ?? [];
    const figures: Record<string, number> = {};
    const rows = RULE_COUNTS.map((count) => {
      const cells = ["routing", "native"].map((kind) => {
        const own = micros.get(`${kind}-${count}`);
        if (own === undefined) return "–";
        const added = pairedDifference([own, base]);
        figures[`${kind}-${count}`] = added;
        return digits(added);
      });
      return [String(count), ...cells];
    });
    const [one, most, native] = ["routing-1", "routing-1000", "native-1000"].map((id) => micros.get(id));
    if (one !== undefined && most !== undefined) figures["routing-1000/routing-1"] = pairedRatio(most, one, base);
    if (native !== undefined && most !== undefined) figures["routing-1000/native-1000"] = pairedRatio(most, native, base);
    return {
      effort: `${context.rounds} rounds of ${context.batches} batches`,
      columns: ["rules", "`routing` adds, µs", "native routes add, µs"],
      rows,
      figures,
      missing: describeMissing(variants, missing),
    };
  },
};
