import { Bytes, Text } from "../bytes";

const DOT: u8 = 0x2e;
const LEFT: u8 = 0x5b;
const RIGHT: u8 = 0x5d;

/**
 * The names of claims, one inside the other, in Istio's two forms: `[group][nested]`, and `.group.nested` for names without a dot.
 * `null` for what has neither form.
 */
export function parseClaimPath(text: Bytes): Text[] | null {
  if (text.length == 0 || (text[0] != LEFT && text[0] != DOT)) return null;
  const bracketed = text[0] == LEFT;
  const path: Text[] = [];
  let start = 1;
  while (true) {
    const mark = text.indexOf(bracketed ? RIGHT : DOT, start);
    const end = mark < 0 ? text.length : mark;
    const name = text.slice(start, end);
    if (name.length == 0 || name.indexOf(LEFT) >= 0 || name.indexOf(RIGHT) >= 0) return null;
    path.push(Text.from(name));
    start = end + 1;
    if (!bracketed) {
      if (mark < 0) return path;
      continue;
    }
    if (mark < 0) return null;
    if (start == text.length) return path;
    if (text[start++] != LEFT) return null;
  }
}
