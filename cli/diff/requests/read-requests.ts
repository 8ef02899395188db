import type { ExchangeRequest } from "../../../harness/target/index.ts";
import { openInput } from "../../read-file.ts";
import type { Direction } from "../../try/mesh/aim.ts";
import { checkRequest } from "../../try/requests.ts";
import { isLogEntry, readLogEntry } from "./log-entry.ts";
import { readLines } from "./read-lines.ts";

/** A recorded request, or why a line is none. */
export type Recorded =
  | { readonly line: number; readonly request: ExchangeRequest }
  | { readonly line: number; readonly skipped: string }
  | { readonly line: number; readonly error: string };

export interface Recording {
  /** A file; `-` for standard input. */
  readonly file: string;
  /** Requests in the other direction are passed over. */
  readonly direction: Direction | undefined;
  /** Names of headers by the fields of an access log that hold them. */
  readonly headers: ReadonlyMap<string, string>;
}

/** The requests of a file, JSON lines as `meshwright try` takes them or as Envoy's access log has them, one after the other. Rejects with a `CliError` where it cannot be read. */
export async function* readRecorded({ file, direction, headers }: Recording): AsyncIterable<Recorded> {
  const chunks = await openInput(file, "recorded requests");
  for await (const read of readLines(chunks)) {
    if ("error" in read) yield read;
    else yield { line: read.line, ...requestIn(read.text, direction, headers) };
  }
}

function requestIn(text: string, direction: Direction | undefined, headers: ReadonlyMap<string, string>) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { error: `not JSON: ${(error as Error).message}` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { error: "expected an object" };
  const entry = value as Readonly<Record<string, unknown>>;
  if (!isLogEntry(entry)) return checkRequest(entry);
  const read = readLogEntry(entry, direction, headers);
  if (!("request" in read)) return read;
  const checked = checkRequest(read.request);
  return "error" in checked ? { error: `is no request: ${checked.error}` } : checked;
}
