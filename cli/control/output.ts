import { Option } from "commander";
import { stringify } from "yaml";

export type OutputFormat = "text" | "json" | "yaml";

/** `--output` of every command that lists something. */
export function outputOption(): Option {
  return new Option("-o, --output <format>", "how to print").choices(["text", "json", "yaml"]).default("text");
}

/** Prints data for machines, or `text` for people. */
export function print(format: OutputFormat, data: unknown, text: () => string): void {
  if (format === "json") process.stdout.write(`${JSON.stringify(data, undefined, 2)}\n`);
  else if (format === "yaml") process.stdout.write(stringify(data));
  else process.stdout.write(text());
}

/** Columns as wide as their widest cell; the last is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows
    .map((row) => `${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("  ")}\n`)
    .join("");
}
