import type { Problem } from "../../model/index.ts";
import { readManifests } from "../../model/manifest/index.ts";
import type { RequestDocument } from "./document.ts";

/** The name under which problems of a request stand that are of no object. */
export const REQUEST = "request";

export interface BodyRead {
  readonly documents: readonly RequestDocument[];
  readonly problems: readonly Problem[];
}

/** The documents of a text of YAML, as plain data that can go from one thread to another. */
export function readDocuments(text: string): BodyRead {
  const { manifests, problems } = readManifests(REQUEST, text);
  const documents = manifests.map(({ value, source, problems: own = [] }) => ({
    value,
    text: source.item === undefined ? source.text : `${JSON.stringify(value, undefined, 2)}\n`,
    problems: own.length === 0 ? undefined : own.map((problem) => ({ ...problem, line: problem.line - source.line + 1 })),
  }));
  return { documents, problems };
}
