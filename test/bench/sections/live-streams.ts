import { measureInterleaved } from "../measure/interleaved.ts";
import { pairedDifference, pairedRatio, median } from "../statistics.ts";
import { HEADER_JOB } from "../variants/header-job.ts";
import { describeMissing, digits, type Section } from "./section.ts";

const COUNTS = [0, 100, 500] as const;
const IDS = ["no-filter", "raw-c", "ours", "ours-stateful", "rust", "proxy-wasm-sdk-as"];

export const liveStreams: Section = {
  id: "live-streams",
  title: "Streams that stay open",
  text: "The time that the header job adds while other streams of the same worker wait for their upstream.",
  async run(context) {
    const chosen = HEADER_JOB.filter(({ id }) => IDS.includes(id));
    const variants = chosen.flatMap((variant) =>
      COUNTS.map((liveStreams) => ({
        ...variant,
        id: `${variant.id}@${liveStreams}`,
        title: `${variant.title} (${liveStreams})`,
        liveStreams,
      })),
    );
    const { micros, missing } = await measureInterleaved(variants, context);
    const at = (id: string, count: number) => micros.get(`${id}@${count}`) ?? [];
    const figures: Record<string, number> = {};
    const rows = chosen.flatMap(({ id, title }) => {
      if (id === "no-filter" || at(id, 0).length === 0) return [];
      const added = COUNTS.map((count) => pairedDifference([at(id, count), at("no-filter", count)]));
      // Each against the same Envoy without the filter: what Envoy itself pays for open streams is not the filter's.
      const growth = median(
        at(id, 500).map(
          (value, i) => (value - (at("no-filter", 500)[i] ?? NaN)) / ((at(id, 0)[i] ?? NaN) - (at("no-filter", 0)[i] ?? NaN)),
        ),
      );
      figures[`${id}/growth`] = growth;
      if (at("proxy-wasm-sdk-as", 500).length > 0) {
        figures[`${id}/proxy-wasm-sdk-as@500`] = pairedRatio(at(id, 500), at("proxy-wasm-sdk-as", 500), at("no-filter", 500));
      }
      return [[title, ...added.map((value) => digits(value)), digits(growth)]];
    });
    return {
      effort: `${context.rounds} rounds of ${context.batches} batches`,
      columns: ["added, µs", ...COUNTS.map((count) => `${count} open`), "500 open, of 0"],
      rows,
      figures,
      missing: describeMissing(
        variants.filter(({ liveStreams }) => liveStreams === 0),
        missing,
      ),
    };
  },
};
