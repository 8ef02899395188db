import { Client } from "undici";
import { benchBootstrap, type Json } from "../envoy/bootstrap.ts";
import { EnvoyProcess } from "../envoy/process.ts";
import { measureInterleaved } from "../measure/interleaved.ts";
import { median, pairedDifference, percentile } from "../statistics.ts";
import { delaying, FAULT } from "../variants/fault.ts";
import { HEADER_JOB } from "../variants/header-job.ts";
import { describeMissing, digits, type BenchContext, type Section } from "./section.ts";

/** Milliseconds. */
const DELAYS = [10, 100];
const DELAYED_REQUESTS = 100;

export const fault: Section = {
  id: "fault",
  title: "Faults",
  text: "What a request pays that no fault is for, in the filter `fault` and in Envoy's own; and how late a delay ends, seen by a client that sends one request after the other, beyond what a request without delay takes.",
  async run(context) {
    const variants = [...HEADER_JOB.filter(({ id }) => id === "no-filter"), ...FAULT];
    const { micros, missing } = await measureInterleaved(variants, context);
    const base = micros.get("no-filter") ?? [];
    const figures: Record<string, number> = {};
    const rows = FAULT.flatMap(({ id, title }) => {
      const values = micros.get(id);
      if (values === undefined) return [];
      return [[title, `${digits((figures[id] = pairedDifference([values, base])))} µs`]];
    });
    for (const milliseconds of DELAYS) {
      const { ours, native } = delaying(milliseconds);
      for (const [name, filter] of [
        ["ours", await ours()],
        ["native", native],
      ] as const) {
        if (filter === undefined) continue;
        const late = await lateness(filter, milliseconds, context);
        figures[`${name}-late-${milliseconds}`] = median(late);
        const title = name === "ours" ? "filter `fault`" : "native `fault`";
        rows.push([
          `${title}, a delay of ${milliseconds} ms is late by`,
          `${digits(median(late))} ms; 99 of 100: ${digits(percentile(Float64Array.from(late), 0.99))} ms`,
        ]);
      }
    }
    return {
      effort: `${context.rounds} rounds of ${context.batches} batches; ${DELAYED_REQUESTS} delayed requests each`,
      columns: ["fault", ""],
      rows,
      figures,
      missing: describeMissing(variants, missing),
    };
  },
};

/** Milliseconds beyond the delay and beyond a request without one. */
async function lateness(filter: Json, delay: number, { envoy, cores }: BenchContext): Promise<number[]> {
  await using plain = await EnvoyProcess.start(envoy, benchBootstrap({ filters: [] }), cores?.envoy);
  await using delayed = await EnvoyProcess.start(envoy, benchBootstrap({ filters: [filter] }), cores?.envoy);
  const ordinary = median(await times(plain.port("echo")));
  return (await times(delayed.port("echo"))).map((time) => time - ordinary - delay);
}

async function times(port: number): Promise<number[]> {
  const client = new Client(`http://127.0.0.1:${port}`);
  const elapsed: number[] = [];
  for (let i = -5; i < DELAYED_REQUESTS; i++) {
    const start = performance.now();
    const { body } = await client.request({ path: "/", method: "GET" });
    await body.dump();
    if (i >= 0) elapsed.push(performance.now() - start);
  }
  await client.close();
  return elapsed;
}
