/** The text of one document of a stream of YAML. */
export interface DocumentText {
  readonly text: string;
  /** Line of the stream on which `text` begins, from 1. */
  readonly line: number;
}

/**
 * Cuts a stream of YAML at its document markers. A line that begins with `---` or `...` and a space or nothing is one wherever it stands, also in
 * quotes and block scalars (YAML 1.2, productions c-forbidden and l-any-document), so what is broken in one document does not reach the next.
 */
export function splitDocuments(stream: string): DocumentText[] {
  const documents: DocumentText[] = [];
  let start = 0;
  let startLine = 1;
  let line = 1;
  for (let at = 0; at < stream.length;) {
    const mark = stream.charCodeAt(at);
    if ((mark === DASH || mark === DOT) && isMarker(stream, at, mark)) {
      // Directives stand before the marker of their document and belong to it.
      if (mark === DASH && at > start && !isDirectives(stream, start, at)) {
        documents.push({ text: stream.slice(start, at), line: startLine });
        start = at;
        startLine = line;
      } else if (mark === DOT) {
        const end = lineEnd(stream, at);
        documents.push({ text: stream.slice(start, at), line: startLine });
        start = end;
        startLine = line + 1;
      }
    }
    at = lineEnd(stream, at);
    line++;
  }
  if (start < stream.length) documents.push({ text: stream.slice(start), line: startLine });
  return documents;
}

const DASH = 0x2d;
const DOT = 0x2e;

function isMarker(stream: string, at: number, mark: number): boolean {
  if (stream.charCodeAt(at + 1) !== mark || stream.charCodeAt(at + 2) !== mark) return false;
  const next = stream.charCodeAt(at + 3);
  return Number.isNaN(next) || next === 0x20 || next === 0x09 || next === 0x0a || next === 0x0d;
}

/** Whether all that stands there are directives and comments, with a directive among them. */
function isDirectives(stream: string, start: number, end: number): boolean {
  let found = false;
  for (const each of stream.slice(start, end).split("\n")) {
    if (each.startsWith("%")) found = true;
    else if (each.trim() !== "" && !each.trimStart().startsWith("#")) return false;
  }
  return found;
}

/** Behind the end of the line, also of a Mac's (a lone CR is a line break of YAML, and nobody writes it: lines end with LF here). */
function lineEnd(stream: string, at: number): number {
  const found = stream.indexOf("\n", at);
  return found < 0 ? stream.length : found + 1;
}
