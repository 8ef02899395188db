/** As Envoy's `-l`. `critical` lines are always kept. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "critical";

/** In the order of their numbers in the ABI. */
export const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "critical"];

/** One line. `filter`: written by a module; `host`: what Envoy itself would log of it, such as a trap with its reason. */
export interface HostLogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly source: "filter" | "host";
  /** Plugin name, root id and VM id as Envoy prefixes them; may be empty. */
  readonly prefix: string;
}

/** Collects log lines up to a level. */
export class Logs {
  readonly lines: HostLogLine[] = [];
  /** The number of the lowest level kept; `proxy_get_log_level` returns it. */
  readonly level: number;
  private readonly listener: ((line: HostLogLine) => void) | undefined;

  constructor(level: LogLevel, listener?: (line: HostLogLine) => void) {
    this.level = LOG_LEVELS.indexOf(level);
    this.listener = listener;
  }

  write(level: number, message: string, source: HostLogLine["source"], prefix: string): void {
    if (level < this.level) return;
    const line: HostLogLine = { level: LOG_LEVELS[level] ?? "critical", message, source, prefix };
    this.lines.push(line);
    this.listener?.(line);
  }
}
