// Envoy's `normalize_path`: Chromium's path canonicaliser over byte strings, as the filters' library has it for bytes.

const KEPT = "!$&'()*+,./:;=@[]";
const NOWHERE = -4;

type Kind = "keep" | "unescape" | "escape" | "invalid";

function kindOf(code: number): Kind {
  const character = String.fromCharCode(code);
  if (code === 0) return "invalid";
  if (/[0-9A-Za-z_~-]/.test(character)) return "unescape";
  return KEPT.includes(character) ? "keep" : "escape";
}

/** The path as filters see it; `undefined` where Envoy answers 400. The query is left alone. */
export function normalizePath(target: string): string | undefined {
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  // The matrix parameters of a segment that is `.` or `..` go first (CVE-2026-73511).
  const canonical = canonicalise(path.replace(/(?<=\/\.\.?);[^/]*/g, ""));
  return canonical === undefined ? undefined : canonical + (question < 0 ? "" : target.slice(question));
}

function canonicalise(path: string): string | undefined {
  let output = /^[/\\]/.test(path) ? "" : "/";
  let lonePercent = NOWHERE;
  for (let i = 0; i < path.length;) {
    const dot = dotLength(path, i);
    if (dot > 0) {
      [output, i] = writeDot(path, i + dot, output);
      if (lonePercent >= output.length) lonePercent = NOWHERE;
      continue;
    }
    const character = path[i] ?? "";
    const escaped = /^%[0-9A-Fa-f]{2}/.test(path.slice(i, i + 3)) ? parseInt(path.slice(i + 1, i + 3), 16) : undefined;
    if (character === "\\") output += "/";
    else if (escaped !== undefined) {
      const kind = kindOf(escaped);
      if (kind === "invalid") return undefined;
      output += kind === "unescape" ? String.fromCharCode(escaped) : path.slice(i, i + 3);
      if (kind === "unescape") output = guardPercent(output, lonePercent, path[i + 3] ?? "");
      i += 2;
    } else if (character === "%") {
      lonePercent = output.length;
      output += "%";
    } else {
      const code = character.charCodeAt(0);
      const kind = kindOf(code);
      if (kind === "invalid") return undefined;
      output += kind === "escape" ? `%${code.toString(16).toUpperCase().padStart(2, "0")}` : character;
    }
    i++;
  }
  return output;
}

/** Length of a dot at `index`, escaped or not; 0 where there is none. */
function dotLength(path: string, index: number): number {
  if (path[index] === ".") return 1;
  return path.slice(index, index + 3).toLowerCase() === "%2e" ? 3 : 0;
}

/** Decides on a dot that ends at `next`: part of a name, or a segment `.` or `..`. Gives the output and where to go on. */
function writeDot(path: string, next: number, output: string): [string, number] {
  const isSlash = (index: number) => path[index] === "/" || path[index] === "\\";
  if (output.endsWith("/")) {
    if (next === path.length) return [output, next];
    if (isSlash(next)) return [output, next + 1];
    const second = dotLength(path, next);
    const after = next + second;
    if (second > 0 && (after === path.length || isSlash(after))) {
      const parent = output.slice(0, output.lastIndexOf("/", output.length - 2) + 1);
      return [parent === "" ? "/" : parent, Math.min(after + 1, path.length)];
    }
  }
  return [`${output}.`, next];
}

/** A `%` that began no escape must not begin one now that a character behind it was decoded: `%%300` becomes `%2500`. */
function guardPercent(output: string, lonePercent: number, following: string): string {
  const behind = output.length - lonePercent;
  if (behind > 3) return output;
  const digits = output.slice(lonePercent + 1, lonePercent + 3) + (behind === 3 ? "" : following);
  return /^[0-9A-Fa-f]{2}$/.test(digits) ? `${output.slice(0, lonePercent)}%25${output.slice(lonePercent + 1)}` : output;
}
