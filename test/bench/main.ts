// `npm run bench`: what filters cost, in one interleaved run. See docs/benchmarks.md.

import { cpus } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../foreign/build.ts";
import { chooseCores, pin } from "./envoy/cores.ts";
import { chooseEnvoy } from "./envoy/process.ts";
import { parseOptions, USAGE, type BenchOptions } from "./options.ts";
import { renderReport, type Report } from "./report/markdown.ts";
import { writeDocs } from "./report/write.ts";
import { measureHeaderJob } from "./sections/header-job.ts";
import { SECTIONS } from "./sections/index.ts";
import type { BenchContext, Section, SectionResult } from "./sections/section.ts";
import { fileVariant, HEADER_JOB } from "./variants/header-job.ts";

const progress = (line: string) => console.error(`bench: ${line}`);

/** The sections that were asked for; ways to do the header job become one section of their own. */
function chooseSections(only: readonly string[] | undefined): Section[] {
  if (only === undefined) return [...SECTIONS];
  const sections = SECTIONS.filter(({ id }) => only.includes(id));
  const others = only.filter((id) => SECTIONS.every((section) => section.id !== id));
  if (others.length === 0) return sections;
  const variants = others.map((id) => {
    const variant = id.endsWith(".wasm") ? fileVariant(id) : HEADER_JOB.find((known) => known.id === id);
    if (variant !== undefined) return variant;
    const known = [...SECTIONS, ...HEADER_JOB].map((entry) => entry.id).join(", ");
    throw new RangeError(`--only ${id}: neither a file.wasm nor one of ${known}`);
  });
  const comparison = {
    id: "comparison",
    title: "Comparison",
    text: "The header job.",
    run: (context: BenchContext) => measureHeaderJob(variants, context),
  };
  return [...sections, comparison];
}

async function main(options: BenchOptions): Promise<void> {
  const sections = chooseSections(options.only);
  const cores = await chooseCores();
  if (cores === undefined) progress("this machine cannot pin processes to cores: expect noise");
  else await pin(process.pid, cores.client);
  const envoy = await chooseEnvoy();
  const context: BenchContext = { ...options, envoy: envoy.path, cores, progress };
  const results: Record<string, SectionResult> = {};
  for (const section of sections) {
    progress(section.title);
    const date = new Date().toISOString().slice(0, 10);
    const result = await section.run(context);
    for (const line of result.missing) progress(`NOT RUN: ${line}`);
    results[section.id] = { date, ...result };
  }
  const processor = cpus()[0]?.model.trim() ?? "unknown processor";
  const environment = { envoy: envoy.version, node: process.versions.node, processor, pinned: cores !== undefined };
  const report: Report = { environment, results };
  console.log(options.json ? JSON.stringify(report, null, 2) : renderReport(report, sections));
  if (!options.write) return;
  delete results["comparison"];
  await writeDocs(join(REPOSITORY, "docs"), report, SECTIONS);
  progress("wrote docs/benchmarks.md and docs/benchmarks.json");
}

// Envoys end with this process, however it ends by its own will.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await main(options);
} catch (error) {
  const usage = error instanceof RangeError || (error instanceof TypeError && "code" in error);
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}${usage ? `\n\n${USAGE}` : ""}`);
  process.exit(usage ? 2 : 1);
}
