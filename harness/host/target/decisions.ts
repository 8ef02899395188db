import type { Decision } from "../../target/index.ts";
import type { HostLogLine } from "../logs.ts";

const MARK = "decision ";

/** The decisions in lines of the form `decision {"filter":"...","rule":"...","result":"...","reason":"..."}`, in order. */
export function readDecisions(lines: readonly HostLogLine[]): Decision[] {
  const decisions: Decision[] = [];
  for (const { message, source } of lines) {
    if (source !== "filter" || !message.startsWith(MARK)) continue;
    try {
      decisions.push(JSON.parse(message.slice(MARK.length)) as Decision);
    } catch {
      // A line that only looks like one stays a log line.
    }
  }
  return decisions;
}
