import type { Section } from "../sections/section.ts";
import { judge, type Results, type Verdict } from "./targets.ts";

/** Where and with what a run was made. */
export interface Environment {
  readonly envoy: string;
  readonly node: string;
  readonly processor: string;
  readonly pinned: boolean;
}

/** What `docs/benchmarks.json` holds. */
export interface Report {
  readonly environment: Environment;
  readonly results: Results;
}

/** The report as Markdown: the design's numbers first, then a table for each section, in the order of `sections`. */
export function renderReport({ environment, results }: Report, sections: readonly Section[]): string {
  const own = sections.filter(({ id }) => results[id] !== undefined);
  return [
    `Envoy ${environment.envoy}, one worker, Node ${environment.node}, ${environment.processor}, ${environment.pinned ? "Envoys on one core, the client on another" : "not pinned to cores"}.`,
    "### Against the design's numbers",
    table(["what", "reach", "measured", "", "hostcalls alone"], judge(results).map(verdictCells)),
    ...own.flatMap((section) => renderSection(section, results)),
  ].join("\n\n");
}

function renderSection({ id, title, text }: Section, results: Results): string[] {
  const result = results[id];
  if (result === undefined) return [];
  const left = result.missing.map((line) => `- Not run: ${line}`).join("\n");
  return [`### ${title}`, text, table(result.columns, result.rows), `${result.date}, ${result.effort}.`, ...(left === "" ? [] : [left])];
}

function verdictCells({ target, measured, met, floor }: Verdict): string[] {
  const value = (figure: number) => `${format(figure)}${target.unit === "" ? "" : ` ${target.unit}`}`;
  const verdict = met === undefined ? "" : met ? "met" : "**missed**";
  return [
    target.what,
    target.reach,
    measured === undefined ? "not run" : value(measured),
    verdict,
    floor === undefined ? "" : value(floor),
  ];
}

function format(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : Math.abs(value) < 0.1 ? 3 : 2);
}

/** A Markdown table with the first column to the left and the others to the right. */
export function table(columns: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(columns), line(columns.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

const BEGIN = "<!-- begin: npm run bench -->";
const END = "<!-- end: npm run bench -->";

/**
 * Puts `text` between the markers of a page.
 *
 * @throws Error where the page lacks the markers
 */
export function replaceBetweenMarkers(page: string, text: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no place for the table: it needs the lines ${BEGIN} and ${END}`);
  return `${page.slice(0, from)}${BEGIN}\n\n${text}\n\n${page.slice(to)}`;
}
