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

/** Lines that are kept at least, the last ones: a run of millions of requests must not fill memory. */
const KEPT = 50_000;

/** Collects log lines from a level on. */
export class Logs {
  /** The last ones: 50,000, or all where there are fewer. */
  readonly lines: HostLogLine[] = [];
  private dropped = 0;
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
    // Seldom, because it moves all that is kept.
    if (this.lines.length >= 2 * KEPT) this.dropped += this.lines.splice(0, KEPT).length;
    this.listener?.(line);
  }

  /** How many were written until now, for {@link since}. */
  get written(): number {
    return this.dropped + this.lines.length;
  }

  /** What was written after so many lines, as far as it is kept. */
  since(written: number): readonly HostLogLine[] {
    return this.lines.slice(Math.max(0, written - this.dropped));
  }
}
