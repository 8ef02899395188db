import { envoyTarget } from "../../../harness/envoy/index.ts";
import { exists, REPOSITORY } from "../../foreign/build.ts";
import { join } from "node:path";
import { pin } from "../envoy/cores.ts";
import { measureDemo } from "../measure/demo.ts";
import { measureMeshTry, measureTry } from "../measure/try.ts";
import { median } from "../statistics.ts";
import { built } from "../variants/header-job.ts";
import { digits, type BenchContext, type Section } from "./section.ts";

const REQUESTS = 4000;
/** The demo starts seven Envoys. */
const DEMOS = 3;

export const answers: Section = {
  id: "answers",
  title: "Time to an answer",
  text: "`meshwright try`, with `--filter routing` and with the example of a mesh, from its start to its first result and from there on; and a scenario in an Envoy process, from the start of Envoy to the first answer; and the demo mesh of `npm start`.",
  async run(context) {
    const module = await built("dist/filters/routing.wasm");
    const command = await exists(join(REPOSITORY, "dist/cli/main.js"));
    if ("missing" in module || !command) {
      const missing = ["missing" in module ? module.missing : "dist/cli/main.js is not built: run `npm run build`"];
      return { effort: "nothing", columns: ["what", "first answer, ms", "requests a second"], rows: [], figures: {}, missing };
    }
    // These start processes of their own, which have the machine to themselves.
    const { cores } = context;
    if (cores !== undefined) await pin(process.pid, cores.envoy, cores.client);
    const result = await measure(module.module, context);
    if (cores !== undefined) await pin(process.pid, cores.client);
    return result;
  },
};

async function measure(module: string, { rounds, progress }: BenchContext) {
  const figures: Record<string, number> = {};
  const rows: string[][] = [];
  for (const host of ["node", "envoy"] as const) {
    const times = [];
    for (let round = 0; round < rounds; round++) times.push(await measureTry(host, REQUESTS));
    const first = (figures[`try-${host}/first`] = median(times.map((time) => time.first)));
    const rate = (figures[`try-${host}/rate`] = median(times.map((time) => time.rate)));
    rows.push([`\`meshwright try --host ${host}\``, digits(first, 0), Math.round(rate).toLocaleString("en-US")]);
    progress(`try --host ${host}: ${first.toFixed(0)} ms, then ${rate.toFixed(0)} a second`);
  }
  const meshTimes = [];
  for (let round = 0; round < rounds; round++) meshTimes.push({ one: await measureMeshTry(1), many: await measureMeshTry(REQUESTS) });
  const one = (figures["try-mesh/first"] = median(meshTimes.map((time) => time.one.first)));
  const whole = (figures["try-mesh/whole"] = median(meshTimes.map((time) => time.one.whole)));
  const rate = (figures["try-mesh/rate"] = median(meshTimes.map((time) => time.many.rate)));
  rows.push(["`meshwright try --proxy`, a mesh", digits(one, 0), Math.round(rate).toLocaleString("en-US")]);
  rows.push(["the same, the whole command with one request", digits(whole, 0), ""]);
  progress(`try --proxy: ${one.toFixed(0)} ms, whole ${whole.toFixed(0)} ms, then ${rate.toFixed(0)} a second`);
  const starts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await using running = await envoyTarget.start({ filters: [{ name: "routing", module, configuration: { rules: [] } }] });
    await running.send({ path: "/" });
    starts.push(performance.now() - start);
  }
  figures["scenario/first"] = median(starts);
  rows.push(["a scenario in an Envoy process", digits(median(starts), 0), ""]);
  const demos: number[] = [];
  for (let round = 0; round < Math.min(rounds, DEMOS); round++) demos.push(await measureDemo());
  figures["demo/first"] = median(demos);
  rows.push(["`npm start`, where everything is there, to the first page", digits(median(demos), 0), ""]);
  const effort = `${rounds} rounds, ${REQUESTS.toLocaleString("en-US")} requests for \`try\``;
  return { effort, columns: ["what", "first answer, ms", "requests a second"], rows, figures, missing: [] };
}
