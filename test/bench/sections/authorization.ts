import { measureInterleaved } from "../measure/interleaved.ts";
import { pairedDifference, pairedRatio } from "../statistics.ts";
import { AUTHORIZATION, CASES, KINDS } from "../variants/authorization.ts";
import { HEADER_JOB } from "../variants/header-job.ts";
import { describeMissing, digits, type Section } from "./section.ts";

export const authorization: Section = {
  id: "authorization",
  title: "Authorization rules",
  text: "An ALLOW policy of N rules, each on methods, a header's suffix and what the row says, of which the one in the middle holds: in the filter `authorization`, and as N policies of Envoy's `rbac`, as Istio translates them. Added to no filter.",
  async run(context) {
    const variants = [...HEADER_JOB.filter(({ id }) => id === "no-filter"), ...AUTHORIZATION];
    const { micros, missing } = await measureInterleaved(variants, context);
    const base = micros.get("no-filter") ?? [];
    const figures: Record<string, number> = {};
    const rows = CASES.map(([kind, count]) => {
      const own = micros.get(`ours-${kind}-${count}`);
      const native = micros.get(`native-${kind}-${count}`);
      const cells = [own, native].map((values) => (values === undefined ? "–" : digits(pairedDifference([values, base]))));
      if (own !== undefined) figures[`ours-${kind}-${count}`] = pairedDifference([own, base]);
      if (native !== undefined) figures[`native-${kind}-${count}`] = pairedDifference([native, base]);
      const ratio = own === undefined || native === undefined ? NaN : pairedRatio(own, native, base);
      if (!Number.isNaN(ratio)) figures[`ours-${kind}-${count}/native`] = ratio;
      return [`${count}, ${KINDS[kind].title}`, ...cells, digits(ratio)];
    });
    const [one, most] = ["ours-prefix-1", "ours-prefix-1000"].map((id) => micros.get(id));
    if (one !== undefined && most !== undefined) figures["ours-prefix-1000/ours-prefix-1"] = pairedRatio(most, one, base);
    return {
      effort: `${context.rounds} rounds of ${context.batches} batches`,
      columns: ["rules", "`authorization` adds, µs", "native `rbac` adds, µs", "of native"],
      rows,
      figures,
      missing: describeMissing(variants, missing),
    };
  },
};
