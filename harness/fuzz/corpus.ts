import { mkdirSync, readFileSync, existsSync, appendFileSync } from "node:fs";
import { join } from "node:path";
import type { ExchangeRequest } from "../target/index.ts";
import type { Choices } from "./random.ts";

/** Entries that are kept: a module with more ways through it is fuzzed all the same. */
const MOST = 5_000;

/** Requests that led to something new, one a line in `corpus.jsonl` of a folder: the next run begins with them. */
export class Corpus {
  private readonly entries: ExchangeRequest[];
  private readonly file: string | undefined;
  private pending: ExchangeRequest[];

  /**
   * @param folder made where it is missing; nothing is kept without one
   * @throws Error where a line is no JSON; the message has its number
   */
  constructor(folder: string | undefined) {
    this.file = folder === undefined ? undefined : join(folder, "corpus.jsonl");
    if (folder !== undefined) mkdirSync(folder, { recursive: true });
    this.entries = this.file !== undefined && existsSync(this.file) ? read(this.file) : [];
    this.pending = [...this.entries];
  }

  get size(): number {
    return this.entries.length;
  }

  /** What an earlier run left, once. */
  take(): ExchangeRequest[] {
    return this.pending.splice(0);
  }

  any(choices: Choices): ExchangeRequest | undefined {
    return this.entries.length === 0 ? undefined : choices.pick(this.entries);
  }

  add(request: ExchangeRequest): void {
    const line = JSON.stringify(request);
    if (this.entries.length >= MOST || this.entries.some((entry) => JSON.stringify(entry) === line)) return;
    this.entries.push(request);
    if (this.file !== undefined) appendFileSync(this.file, `${line}\n`);
  }
}

function read(file: string): ExchangeRequest[] {
  const entries: ExchangeRequest[] = [];
  for (const [index, line] of readFileSync(file, "utf8").split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      entries.push(JSON.parse(line) as ExchangeRequest);
    } catch (error) {
      throw new Error(`${file}:${index + 1}: no JSON; mend the line, or remove the file`, { cause: error });
    }
  }
  return entries.slice(0, MOST);
}
