import type { LoadCounts, LoadFailure } from "./tally.ts";

const SHOWN = 5;

/** Counts in a few lines, for whoever has to find out why. */
export function describe(counts: LoadCounts, failures: readonly LoadFailure[]): string {
  const { sent, answered, lost, wrong, open, retried, late, unsent } = counts;
  const parts = [`${sent} sent: ${answered} answered, ${lost} lost, ${wrong} wrong`];
  if (open > 0) parts.push(`${open} on their way`);
  if (retried > 0) parts.push(`${retried} sent once more on another connection`);
  const lines = [parts.join(", "), `  statuses: ${list(counts.statuses)}`];
  if (lost + wrong > 0) lines.push(`  reasons: ${list(counts.reasons)}`);
  if (late + unsent > 0) lines.push(`  the rate was not kept: ${late} sent late, ${unsent} due but not sent`);
  for (const { at, after, kind, reason, connection, request, answer } of failures.slice(0, SHOWN)) {
    const headers = request.headers.map(([name, value]) => ` ${name}: ${value}`).join(";");
    lines.push(
      `  ${kind}: ${request.method} ${request.authority}${request.path}${headers} at ${at}, ${after} ms later: ${reason} (connection ${connection})`,
    );
    if (answer !== undefined)
      lines.push(`    ${answer.status} ${JSON.stringify(answer.headers)} ${JSON.stringify(answer.body.slice(0, 200))}`);
  }
  return lines.join("\n");
}

function list(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts);
  return entries.length === 0 ? "none" : entries.map(([name, count]) => `${name}: ${count}`).join("; ");
}
