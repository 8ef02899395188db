import { measureInterleaved } from "../measure/interleaved.ts";
import { pairedDifference, pairedRatio } from "../statistics.ts";
import { HEADER_JOB } from "../variants/header-job.ts";
import { MEMBERS, meshVariants } from "../variants/mesh.ts";
import { describeMissing, digits, type Section } from "./section.ts";

/** What the design's numbers compare with, on a request of its own. */
const SCALE = HEADER_JOB.filter(({ id }) => id === "no-filter" || id === "raw-c");

export const mesh: Section = {
  id: "mesh",
  title: "All filters in one module",
  text: "A request with a token that was seen before comes by six filters, configured as those of a typical sidecar: what each adds on its own, what it adds behind those above it inside `mesh`, and what all add together, as one module and as six.",
  async run(context) {
    const variants = [...(await meshVariants()), ...SCALE];
    const { micros, missing } = await measureInterleaved(variants, context);
    const at = (id: string) => micros.get(id) ?? [];
    const added = (id: string, base: string) => (at(id).length === 0 || at(base).length === 0 ? NaN : pairedDifference([at(id), at(base)]));
    const figures: Record<string, number> = {};
    const rows = MEMBERS.map((name, i) => {
      figures[name] = added(name, "none");
      figures[`fused-${name}`] = added(`mesh-${i + 1}`, `mesh-${i}`);
      return [`\`${name}\``, digits(figures[name]), digits(figures[`fused-${name}`] ?? NaN)];
    });
    rows.push(["`mesh` without any", "", digits((figures["empty"] = added("mesh-0", "none")))]);
    const whole = `mesh-${MEMBERS.length}`;
    rows.push(["all six", digits((figures["modules"] = added("modules", "none"))), digits((figures["mesh"] = added(whole, "none")))]);
    const telemetryFloor = added("floor", "floor-5");
    figures["floor"] = added("floor", "none");
    if (!missing.has("floor")) {
      rows.push(["`telemetry`, the same hostcalls in C", "", digits(telemetryFloor)]);
      rows.push(["all six, the same hostcalls in C", "", digits(figures["floor"])]);
    }
    rows.push(["for scale: the header job in C", digits((figures["raw-c"] = added("raw-c", "no-filter"))), ""]);
    // The token has a row of its own among the design's numbers.
    figures["further"] = Math.max(...MEMBERS.slice(1).map((name) => figures[`fused-${name}`] ?? NaN));
    figures["mesh/raw-c"] = (figures["mesh"] ?? NaN) / (figures["raw-c"] ?? NaN);
    // That of the dearest, which is the last.
    figures["floor-further"] = figures["further"] === figures["fused-telemetry"] ? telemetryFloor : NaN;
    figures["floor/raw-c"] = (figures["floor"] ?? NaN) / (figures["raw-c"] ?? NaN);
    if (at("modules").length > 0 && at(whole).length > 0) figures["mesh/modules"] = pairedRatio(at(whole), at("modules"), at("none"));
    return {
      effort: `${context.rounds} rounds of ${context.batches} batches`,
      columns: ["added, µs", "on its own", "inside `mesh`"],
      rows,
      figures,
      missing: describeMissing(variants, missing),
    };
  },
};
