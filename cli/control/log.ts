import pino from "pino";
import type { ControlLog } from "../../control/control-service.ts";

export type LogFormat = "text" | "json";

/** A log on standard error: one JSON object a line for machines, one line of text for people. */
export function createLog(format: LogFormat): ControlLog {
  if (format === "json") {
    const timestamp = pino.stdTimeFunctions.isoTime;
    const formatters = { level: (level: string) => ({ level }) };
    return pino({ base: null, timestamp, formatters, messageKey: "message" }, pino.destination({ dest: 2, sync: true }));
  }
  const line = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    process.stderr.write(`${new Date().toISOString()} ${level} ${message}${describe(fields)}\n`);
  };
  return { info: line("info"), warn: line("warn"), error: line("error") };
}

function describe(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${typeof value === "string" && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)}`)
    .join("");
}
