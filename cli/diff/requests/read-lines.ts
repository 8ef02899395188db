/** One line of an input, or why it is none. Lines are counted from 1; empty ones are passed over. */
export type Line = { readonly line: number; readonly text: string } | { readonly line: number; readonly error: string };

/** Bytes of a line. More than Envoy takes of a request's headers by default (60 KiB), as JSON. */
export const LONGEST_LINE = 1024 * 1024;

const LINE_FEED = 0x0a;

/** The lines of a stream, one after the other: however large it is, no more than one line is held. One that is too long, or not UTF-8, is wrong alone. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, longest = LONGEST_LINE): AsyncIterable<Line> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let line = 1;
  const take = (part: Uint8Array): void => {
    length += part.length;
    if (length <= longest) parts.push(part);
    else parts = [];
  };
  const end = (): Line | undefined => {
    const made = length > longest ? { line, error: `longer than ${longest} bytes` } : decoded(line, Buffer.concat(parts));
    parts = [];
    length = 0;
    line++;
    return made;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let feed = chunk.indexOf(LINE_FEED); feed >= 0; feed = chunk.indexOf(LINE_FEED, start)) {
      take(chunk.subarray(start, feed));
      start = feed + 1;
      const made = end();
      if (made !== undefined) yield made;
    }
    take(chunk.subarray(start));
  }
  const last = end();
  if (last !== undefined) yield last;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

function decoded(line: number, bytes: Uint8Array): Line | undefined {
  try {
    const text = UTF8.decode(bytes).trim();
    return text === "" ? undefined : { line, text };
  } catch {
    return { line, error: "not UTF-8" };
  }
}
