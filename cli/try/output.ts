import { stringify } from "yaml";
import type { Decision, ExchangeResult } from "../../harness/target/index.ts";

export interface OutputOptions {
  /** Adds the decisions as text. */
  readonly explain?: true;
  readonly output: "json" | "yaml" | "text";
}

/** A result, or `{id, error}`, as it is printed. */
export function format(result: object, { explain, output }: OutputOptions): string {
  const decisions = "decisions" in result ? (result.decisions as readonly Decision[]) : [];
  const shown = explain === true && "decisions" in result ? { ...result, explanation: decisions.map(explained) } : result;
  if (output === "json") return `${JSON.stringify(shown)}\n`;
  if (output === "yaml") return `---\n${stringify(shown)}`;
  return asText(result, explain === true ? decisions : []);
}

function explained({ filter, rule, result, reason, at }: Decision): string {
  return `${filter}: ${rule === "" ? "" : `rule ${JSON.stringify(rule)}: `}${result}, ${reason}${at === undefined ? "" : ` (${at})`}`;
}

function asText(result: object, decisions: readonly Decision[]): string {
  const id = "id" in result ? `${String(result.id)}: ` : "";
  if ("error" in result) return `${id}${String(result.error)}\n`;
  const { outcome, status, details, route, cluster, delay } = result as ExchangeResult;
  const where = [route && `route ${route}`, cluster && `cluster ${cluster}`, delay && `after ${delay} s`].filter(Boolean).join(", ");
  const line = `${id}${outcome} ${status} (${details})${where === "" ? "" : `, ${where}`}`;
  return `${[line, ...decisions.map((each) => `  ${explained(each)}`)].join("\n")}\n`;
}
