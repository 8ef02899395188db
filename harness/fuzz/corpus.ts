import { appendFileSync, closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../make-folder.ts";
import type { ExchangeRequest } from "../target/index.ts";
import type { Choices } from "./random.ts";

/** Entries that are kept, and the characters of their lines together: a module with more ways through it is fuzzed all the same. */
const MOST = 5_000;
const MOST_CHARACTERS = 64 * 1024 ** 2;

/** What is wrong with a value that should be a request; `undefined` where nothing is. */
export type RequestCheck = (value: unknown) => string | undefined;

/** What is wrong with a corpus on the disk: a line, or the disk. */
export class CorpusError extends Error {
  override readonly name = "CorpusError";
}

/** Requests that led to something new, one a line in `corpus.jsonl` of a folder: the next run begins with them. */
export class Corpus {
  private readonly entries: ExchangeRequest[];
  private readonly file: string | undefined;
  private pending: ExchangeRequest[];
  private characters: number;

  /**
   * @param folder made where it is missing; nothing is kept without one
   * @param check of each line. Default: that it has a path
   * @throws Error where the folder cannot be made or read; CorpusError where a line is no request: the message has its number
   */
  constructor(folder: string | undefined, check: RequestCheck = hasPath) {
    this.file = folder === undefined ? undefined : join(folder, "corpus.jsonl");
    if (folder !== undefined) makeFolder(folder);
    const kept = this.file !== undefined && existsSync(this.file) ? read(this.file, check) : { entries: [], characters: 0 };
    this.entries = kept.entries;
    this.characters = kept.characters;
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

  /** @throws CorpusError where it cannot be written */
  add(request: ExchangeRequest): void {
    const line = JSON.stringify(request);
    if (this.entries.length >= MOST || this.characters >= MOST_CHARACTERS) return;
    if (this.entries.some((entry) => JSON.stringify(entry) === line)) return;
    this.entries.push(request);
    this.characters += line.length;
    if (this.file === undefined) return;
    try {
      appendFileSync(this.file, `${line}\n`);
    } catch (error) {
      throw new CorpusError(`${this.file}: cannot be written: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}

/** Bytes of a line, and of what is read at once. */
const LONGEST_LINE = 64 * 1024 ** 2;
const CHUNK = 1024 ** 2;

/** The first entries: however large the file is, no more of it is read. */
function read(file: string, check: RequestCheck): { readonly entries: ExchangeRequest[]; readonly characters: number } {
  const entries: ExchangeRequest[] = [];
  let number = 0;
  let characters = 0;
  for (const line of linesOf(file)) {
    number++;
    if (line.trim() === "") continue;
    const problem = problemOf(line, check, entries);
    if (problem !== undefined) throw new CorpusError(`${file}:${number}: ${problem}; mend the line, or remove the file`);
    characters += line.length;
    if (entries.length >= MOST || characters >= MOST_CHARACTERS) break;
  }
  return { entries, characters };
}

function problemOf(line: string, check: RequestCheck, entries: ExchangeRequest[]): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "no JSON";
  }
  const problem = check(value);
  if (problem === undefined) entries.push(value as ExchangeRequest);
  return problem;
}

function* linesOf(file: string): Iterable<string> {
  const handle = openSync(file, "r");
  try {
    const chunk = Buffer.alloc(CHUNK);
    let rest = Buffer.alloc(0);
    for (let length = readSync(handle, chunk); length > 0; length = readSync(handle, chunk)) {
      rest = Buffer.concat([rest, chunk.subarray(0, length)]);
      let start = 0;
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, start)) {
        yield rest.toString("utf8", start, end);
        start = end + 1;
      }
      rest = rest.subarray(start);
      if (rest.length > LONGEST_LINE) throw new CorpusError(`${file}: a line is longer than ${LONGEST_LINE} bytes; remove the file`);
    }
    yield rest.toString("utf8");
  } finally {
    closeSync(handle);
  }
}

function hasPath(value: unknown): string | undefined {
  const path = typeof value === "object" && value !== null && "path" in value ? value.path : undefined;
  return typeof path === "string" ? undefined : "no request; it has no path";
}
