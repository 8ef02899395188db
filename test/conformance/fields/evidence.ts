import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../..");

/**
 * What shows that a field decides something in a real Envoy: `FILE: TITLE` of a test that fails where the translation ignores the field, or several. `unseen` says why Envoy cannot show it.
 */
export type Evidence = string | readonly string[] | { readonly unseen: string };

/** By the path of a field, as the documentation's table has it, without the marks of lists and maps: `http.retries.attempts`. */
export type Evidences = Readonly<Record<string, Evidence>>;

const texts = new Map<string, string | undefined>();

/** What is wrong with the evidence for a field; nothing where its tests are there and speak of the field. */
export function wrongEvidence(field: string, evidence: Evidence): readonly string[] {
  if (typeof evidence === "object" && "unseen" in evidence)
    return evidence.unseen.length < 20 ? [`${field}: say why nothing of it can be seen`] : [];
  return [evidence].flat().flatMap((reference) => {
    const [, file = "", title = ""] = /^(.*?\.ts): (.+)$/.exec(reference) ?? [];
    if (title === "") return [`${field}: ${JSON.stringify(reference)} is not "FILE: TITLE"`];
    const text = textOf(file);
    if (text === undefined) return [`${field}: there is no ${file}`];
    const name = field.slice(field.lastIndexOf(".") + 1);
    return [
      ...(hasTitle(text, title) ? [] : [`${field}: ${file} has no test with the title ${JSON.stringify(title)}`]),
      ...(new RegExp(`\\b${name}\\b`).test(text) ? [] : [`${field}: ${file} does not mention ${name}`]),
    ];
  });
}

function textOf(file: string): string | undefined {
  if (!texts.has(file)) {
    try {
      texts.set(file, readFileSync(join(ROOT, file), "utf8"));
    } catch {
      texts.set(file, undefined);
    }
  }
  return texts.get(file);
}

/** Whether the source has the title as a string, that of a row or a key of a table of cases included. */
function hasTitle(text: string, title: string): boolean {
  if (/^\w+$/.test(title) && new RegExp(`^\\s*${title}: `, "m").test(text)) return true;
  return text.includes(JSON.stringify(title)) || text.includes(`'${title}'`) || text.includes(`\`${title}\``);
}
