import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Host } from "../../../harness/host/index.ts";
import { distinctCopies } from "../measure/distinct.ts";
import { median } from "../statistics.ts";
import { built, MODULES, REQUEST } from "../variants/header-job.ts";
import { digits, type Section } from "./section.ts";

const WARM_UP = 20_000;
const REQUESTS = 50_000;

export const inProcess: Section = {
  id: "in-process",
  title: "The in-process host",
  text: "Header jobs a second on one core (request and response, from the opening of the stream to its end), and the time to load and configure a module in a new host.",
  async run(context) {
    const modules = [
      ["raw-c", "C without an SDK", MODULES["raw-c"], undefined],
      ["ours", "Meshwright's SDK, header job", MODULES.ours, undefined],
      ["routing", "filter `routing`", () => built("dist/filters/routing.wasm"), { rules: [] }],
    ] as const;
    const rows: string[][] = [];
    const figures: Record<string, number> = {};
    const missing: string[] = [];
    for (const [id, title, provide, configuration] of modules) {
      const module = await provide();
      if ("missing" in module) {
        missing.push(`${title}: ${module.missing}`);
        continue;
      }
      const loads: number[] = [];
      const rates: number[] = [];
      // A new file each time: neither the host nor V8 has compiled it before.
      const folder = await mkdtemp(join(tmpdir(), "meshwright-bench-"));
      for (const copy of await distinctCopies(module.module, context.rounds, folder)) {
        loads.push(load(copy, configuration).milliseconds);
        rates.push(rate(copy, configuration, id !== "routing"));
      }
      await rm(folder, { recursive: true });
      figures[`${id}/rate`] = median(rates);
      figures[`${id}/load`] = median(loads);
      rows.push([title, Math.round(median(rates)).toLocaleString("en-US"), digits(median(loads), 1)]);
      context.progress(`in-process ${id}: ${Math.round(median(rates))} a second, loaded in ${median(loads).toFixed(1)} ms`);
    }
    const effort = `${context.rounds} rounds of ${REQUESTS.toLocaleString("en-US")} requests`;
    return { effort, columns: ["module", "requests a second", "load and configure, ms"], rows, figures, missing };
  },
};

function load(module: string, configuration: unknown) {
  const start = performance.now();
  const host = new Host();
  const plugin = host.load({ name: "bench", module, ...(configuration === undefined ? {} : { configuration }) });
  return { milliseconds: performance.now() - start, chain: host.chain([plugin]) };
}

function rate(module: string, configuration: unknown, doesTheJob: boolean): number {
  const { chain } = load(module, configuration);
  const request = Object.fromEntries(REQUEST);
  const headers = REQUEST.filter(([name]) => !name.startsWith(":"));
  const once = () => {
    const stream = chain.request({ authority: request[":authority"] ?? "", path: request[":path"] ?? "", headers });
    stream.respond({ status: 200 });
    return stream;
  };
  const job = once();
  if (doesTheJob && job.responseHeader("x-filter") !== "1") throw new Error(`${module} does another job in process`);
  for (let i = 0; i < WARM_UP; i++) once();
  const start = performance.now();
  for (let i = 0; i < REQUESTS; i++) once();
  return (REQUESTS / (performance.now() - start)) * 1000;
}
