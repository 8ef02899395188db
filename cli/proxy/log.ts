import type { LogFormat } from "../control/log.ts";

/** Envoy's own lines in the form of the proxy's, from the first on. Envoy's default is text. */
export function envoyLogFormat(format: LogFormat): string[] {
  if (format === "text") return [];
  const fields = { level: "%l", time: "%Y-%m-%dT%T.%e%z", scope: "envoy %n", message: "%j", thread: "%t" };
  return ["--log-format", JSON.stringify(fields)];
}
