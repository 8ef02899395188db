import { Worker } from "node:worker_threads";
import type { RequestDocument } from "./document.ts";
import { type BodyRead, readDocuments } from "./body-reader.ts";

/** Bytes of a request. */
export const LONGEST_BODY = 8 * 1024 * 1024;
/** Objects of a request. */
export const MOST_OBJECTS = 10_000;

/** Characters of YAML that are read at once; more of it goes to a thread, since some of it takes very long. */
const QUICK = 16 * 1024;
/** Milliseconds that YAML may take to be read. */
const PATIENCE = 10_000;

/** A body that is not read. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  /** Of HTTP. */
  readonly status: 400 | 413;

  constructor(status: 400 | 413, message: string) {
    super(message);
    this.status = status;
  }
}

/** The documents of a body of YAML or JSON. Never keeps the process busy for long. @throws BodyError where it is too much, or no text */
export async function readBody(bytes: Uint8Array): Promise<BodyRead> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new BodyError(400, "the body is not UTF-8");
  }
  const documents = jsonDocuments(text);
  if (documents !== undefined) return { documents, problems: [] };
  if (countOf(text) > MOST_OBJECTS) throw tooMany();
  const read = text.length <= QUICK ? readDocuments(text) : await inThread(text);
  if (read.documents.length > MOST_OBJECTS) throw tooMany();
  return read;
}

function tooMany(): BodyError {
  return new BodyError(413, `more than ${MOST_OBJECTS} objects in one request; send fewer at once`);
}

/** What was sent as JSON: one document, a `List`, or an array of documents. Undefined where it is no JSON. */
function jsonDocuments(text: string): readonly RequestDocument[] | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const items = Array.isArray(value) ? (value as readonly unknown[]) : isList(value) ? value.items : [value];
  if (items.length > MOST_OBJECTS) throw tooMany();
  return items.map((item) => {
    if (typeof item !== "object" || item === null || Array.isArray(item))
      throw new BodyError(400, "an object is a mapping with apiVersion and kind");
    return { value: item as Record<string, unknown>, text: `${JSON.stringify(item, undefined, 2)}\n`, problems: undefined };
  });
}

function isList(value: unknown): value is { readonly items: readonly unknown[] } {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "List" &&
    "items" in value &&
    Array.isArray(value.items)
  );
}

/** Documents by their markers, without reading them. */
function countOf(text: string): number {
  let count = 1;
  for (let at = text.indexOf("\n---"); at >= 0 && count <= MOST_OBJECTS; at = text.indexOf("\n---", at + 4)) count += 1;
  return count;
}

async function inThread(text: string): Promise<BodyRead> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./body-worker.${extension}`, import.meta.url), {
    workerData: text,
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  const { promise, resolve, reject } = Promise.withResolvers<BodyRead>();
  worker.once("message", resolve);
  worker.once("error", (error) =>
    reject(new BodyError(413, `the body cannot be read: ${error instanceof Error ? error.message : String(error)}`)),
  );
  const timer = setTimeout(
    () => reject(new BodyError(413, `the body takes longer than ${PATIENCE / 1000} s to be read; send less at once, or JSON`)),
    PATIENCE,
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    void worker.terminate();
  }
}
