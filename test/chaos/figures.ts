import { readFile, writeFile } from "node:fs/promises";
import { arch, cpus, platform } from "node:os";
import { format, resolveConfig } from "prettier";
import type { ChaosCase } from "./case.ts";
import type { Figures } from "./traffic.ts";

const BEGIN = "<!-- begin: npm run soak -- chaos -->";
const END = "<!-- end: npm run soak -- chaos -->";
const CONFIGURED = "retries of idempotent requests, ejection";

/** What a case came to, over all its rounds. */
export interface Row {
  readonly each: ChaosCase;
  readonly figures: Figures;
}

export function sum(all: readonly Figures[]): Figures {
  const total = (name: "sent" | "lost" | "wrong") => all.reduce((before, each) => before + each[name], 0);
  return { sent: total("sent"), lost: total("lost"), wrong: total("wrong"), gap: Math.max(0, ...all.map(({ gap }) => gap)) };
}

/** Puts the table into the page, between its marks. */
export async function writeFigures(page: string, rows: readonly Row[], rounds: number, seed: number): Promise<void> {
  const text = await readFile(page, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${page} has no place for the figures: ${BEGIN} and ${END}`);
  const changed = text.slice(0, begin + BEGIN.length) + table(rows, rounds, seed) + text.slice(end);
  await writeFile(page, await format(changed, { ...(await resolveConfig(page)), filepath: page }));
}

function table(rows: readonly Row[], rounds: number, seed: number): string {
  const date = new Date().toISOString().slice(0, 10);
  const lines = rows.map(
    ({ each, figures: { sent, lost, wrong, gap } }) =>
      `| ${each.fault} | ${each.configured ?? CONFIGURED} | ${sent} | ${lost}${lost > 0 ? mark(each) : ""} | ${wrong}${wrong > 0 ? mark(each) : ""} | ${gap} ms |`,
  );
  const bounded = [...new Set(rows.flatMap(({ each, figures: { lost, wrong } }) => (lost + wrong > 0 ? (each.lossy ?? []) : [])))];
  return [
    "",
    "",
    `${date}, ${platform()} ${arch()}, ${cpus().length} cores; each fault ${rounds} times (seed ${seed}).`,
    "",
    "| fault | what is configured | sent | lost | wrong | longest gap |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines,
    "",
    ...bounded.map((why) => `\\* ${why}.\n`),
    "",
  ].join("\n");
}

function mark({ lossy }: ChaosCase): string {
  return lossy === undefined ? "" : " \\*";
}
