import { parseArgs } from "node:util";
import { chooseCores, pin } from "./envoy/cores.ts";
import { chooseEnvoy } from "./envoy/process.ts";
import { measureInterleaved } from "./measure/interleaved.ts";
import { median, pairedDifference, pairedRatio } from "./statistics.ts";
import { fileVariant, HEADER_JOB_VARIANTS } from "./variants/header-job.ts";

const { values } = parseArgs({
  options: { only: { type: "string" }, rounds: { type: "string" }, quick: { type: "boolean" }, visits: { type: "string" } },
});
const progress = (line: string) => console.error(`bench: ${line}`);
const only = values.only?.split(",");
const variants =
  only === undefined
    ? HEADER_JOB_VARIANTS
    : only.map((id) => {
        const v = id.endsWith(".wasm") ? fileVariant(id) : HEADER_JOB_VARIANTS.find((v) => v.id === id);
        if (v === undefined) throw new Error(`no variant ${id}`);
        return v;
      });
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
const cores = await chooseCores();
if (cores) await pin(process.pid, cores.client);
const envoy = await chooseEnvoy();
const result = await measureInterleaved(variants, {
  envoy: envoy.path,
  cores,
  rounds: Number(values.rounds ?? (values.quick ? 3 : 7)),
  visits: Number(values.visits ?? (values.quick ? 800 : 3000)),
  progress,
});
const base = result.micros.get("no-filter");
const raw = result.micros.get("raw-c");
for (const [id, micros] of result.micros) {
  const added = base ? pairedDifference([micros, base]) : NaN;
  const ratio = base && raw ? pairedRatio(micros, raw, base) : NaN;
  console.log(id.padEnd(20), median(micros).toFixed(2).padStart(8), added.toFixed(2).padStart(8), ratio.toFixed(2).padStart(8));
}
for (const [id, reason] of result.missing) console.log(id, "NOT RUN:", reason);
