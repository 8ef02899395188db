import { RE2JS } from "re2js";

/** What is wrong with a regular expression in RE2's syntax; undefined where nothing is. */
export function wrongRegex(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return `${JSON.stringify(pattern)} is no regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`;
  }
}
