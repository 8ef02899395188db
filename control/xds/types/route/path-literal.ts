import type { RouteMatch } from "./match.ts";

/** What the path of every request that a route takes begins with, or, if `whole`, is. */
export interface PathLiteral {
  readonly text: string;
  readonly whole: boolean;
}

/** Undefined where nothing can be said: letter case does not count, or a regular expression may begin with anything. */
export function pathLiteral({ pathSpecifier, caseSensitive }: RouteMatch): PathLiteral | undefined {
  if (caseSensitive === false) return undefined;
  switch (pathSpecifier?.case) {
    case "path":
      return literal(pathSpecifier.value, true);
    case "prefix":
      return literal(pathSpecifier.value, false);
    case "safeRegex":
      return literal(regexPrefix(pathSpecifier.value.regex ?? ""), false);
    default:
      return undefined;
  }
}

/** Envoy compares the path without query and fragment, so a text that has one is no beginning of any; nor is one that does not begin with "/", and nobody has to be led there. */
function literal(text: string, whole: boolean): PathLiteral | undefined {
  return text.startsWith("/") && !/[?#]/.test(text) ? { text, whole } : undefined;
}

/** The characters up to the first that means something else than itself in RE2; an alternative, wherever it stands, may begin anew. */
function regexPrefix(regex: string): string {
  if (regex.includes("|")) return "";
  const from = regex.replace(/^\^/, "");
  const [plain = ""] = /^[-\w/~%@:,;=!&'<> ]*/.exec(from) ?? [];
  // What may come several times, or not at all, is no part of it.
  return /^[?*{]/.test(from.slice(plain.length)) ? plain.slice(0, -1) : plain;
}
