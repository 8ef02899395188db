import { pino } from "pino";
import type { Log } from "../../control/proxy/index.ts";

export type LogFormat = "json" | "text";

/** On standard error, where Envoy's own log goes too, in a format that goes with it. */
export function openLog(format: LogFormat): Log {
  if (format === "text") return { info: textLine("info"), warn: textLine("warning"), error: textLine("error") };
  // Synchronous: what was told before a kill -9 is there.
  const destination = pino.destination({ fd: 2, sync: true });
  return pino(
    {
      base: { scope: "proxy" },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label === "warn" ? "warning" : label }) },
    },
    destination,
  );
}

/** Envoy's own lines in the same form, from the first on. Its default is text. */
export function envoyLogFormat(format: LogFormat): string[] {
  if (format === "text") return [];
  const fields = { level: "%l", time: "%Y-%m-%dT%T.%e%z", scope: "envoy %n", msg: "%j", thread: "%t" };
  return ["--log-format", JSON.stringify(fields)];
}

function textLine(level: string) {
  return (fields: object, message: string) => {
    const values = Object.entries(fields).map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    process.stderr.write(
      `[${new Date().toISOString().replace("T", " ").replace("Z", "")}][${level}][proxy] ${message}${values.join("")}\n`,
    );
  };
}
