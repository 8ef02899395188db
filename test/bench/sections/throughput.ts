import { measureThroughput } from "../measure/throughput.ts";
import { median, pairedDifference, pairedRatio } from "../statistics.ts";
import { throughputVariants } from "../variants/throughput.ts";
import { digits, type Section } from "./section.ts";

/** Batches of the other sections that take about as long as a slice. */
const BATCHES = 400;

export const throughput: Section = {
  id: "throughput",
  title: "Throughput",
  text: "What is left of the requests that one worker proxies, from a client to an upstream on the same machine, both HTTP/1.1, when a token that was seen before comes by every filter of a typical sidecar; and for how long the worker is on a CPU for each. `wrk` keeps 32 connections busy.",
  async run(context) {
    const { request, variants } = await throughputVariants();
    const slices = Math.max(1, Math.round(context.batches / BATCHES));
    const { rates, cpu, missing } = await measureThroughput(variants, request, { ...context, slices });
    const base = rates.get("no-filter") ?? [];
    const baseCpu = cpu.get("no-filter") ?? [];
    const figures: Record<string, number> = {};
    const rows = variants.flatMap(({ id, title }) => {
      const rate = rates.get(id);
      const own = cpu.get(id);
      if (rate === undefined || own === undefined) return [];
      figures[`${id}/rate`] = median(rate);
      figures[`${id}/cpu`] = median(own);
      if (id !== "no-filter") {
        figures[`${id}/no-filter`] = pairedRatio(
          rate,
          base,
          base.map(() => 0),
        );
        figures[`${id}/added`] = pairedDifference([own, baseCpu]);
      }
      const cells = [digits(figures[`${id}/no-filter`] ?? NaN), digits(median(own), 1), digits(figures[`${id}/added`] ?? NaN, 1)];
      return [[title, Math.round(median(rate)).toLocaleString("en-US"), ...cells]];
    });
    const reasons = new Set(missing.values());
    return {
      effort: `${context.rounds} rounds of ${slices} slices of a second`,
      columns: ["what is configured", "requests a second", "of no filter", "CPU, µs a request", "added, µs"],
      rows,
      figures,
      missing: [...reasons].map((reason) => `throughput: ${reason}`),
    };
  },
};
