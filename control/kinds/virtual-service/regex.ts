import { RE2JS } from "re2js";
import { type FieldType, text } from "../../model/fields/index.ts";

/** What is wrong with a regular expression in RE2's syntax, which is Envoy's; undefined where nothing is. https://github.com/google/re2/wiki/Syntax */
export function wrongRegex(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return `${JSON.stringify(pattern)} is no regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export const regex: FieldType<string> = text({ shape: "regular expression (RE2)", check: wrongRegex });
