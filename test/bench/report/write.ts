import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import type { Section } from "../sections/section.ts";
import { renderReport, replaceBetweenMarkers, type Report } from "./markdown.ts";

/** Adds the sections of `report` to what the page already has of others, and writes `docs/benchmarks.{json,md}`. */
export async function writeDocs(docs: string, report: Report, sections: readonly Section[]): Promise<void> {
  const dataFile = join(docs, "benchmarks.json");
  const page = join(docs, "benchmarks.md");
  const earlier = await readReport(dataFile);
  const merged: Report = { environment: report.environment, results: { ...earlier?.results, ...report.results } };
  await writeFormatted(dataFile, JSON.stringify(merged));
  await writeFormatted(page, replaceBetweenMarkers(await readFile(page, "utf8"), renderReport(merged, sections)));
}

async function readReport(path: string): Promise<Report | undefined> {
  return readFile(path, "utf8").then(
    (text) => JSON.parse(text) as Report,
    () => undefined,
  );
}

async function writeFormatted(path: string, text: string): Promise<void> {
  await writeFile(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}
