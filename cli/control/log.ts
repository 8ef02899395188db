import { writeSync } from "node:fs";
import pino from "pino";
import type { ControlLog } from "../../control/log.ts";

export type LogFormat = "text" | "json";

/** A log on standard error: one JSON object a line for machines, one line of text for people. */
export function createLog(format: LogFormat): ControlLog {
  const output = new Output((lines, reason) => log.warn({ lines, reason }, "lines of the log were lost"));
  const log = format === "json" ? jsonLog(output) : textLog(output);
  return log;
}

function jsonLog(output: Output): ControlLog {
  const formatters = { level: (level: string) => ({ level }) };
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters, messageKey: "message" }, output);
}

function textLog(output: Output): ControlLog {
  const line = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) =>
    output.write(`${new Date().toISOString()} ${level} ${message}${describe(fields)}\n`);
  return { info: line("info"), warn: line("warn"), error: line("error") };
}

function describe(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${typeof value === "string" && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)}`)
    .join("");
}

/** Milliseconds for which a line waits for a reader that is slow and has asked not to be waited for. */
const PATIENCE = 100;

/** Bytes of lines that are written at once, whatever comes after them. */
const BATCH = 32_768;

/**
 * Standard error. It may be a file on a full disk, or a pipe whose reader has gone: then lines are lost, and nothing else is. A stream of Node's ends the process there, because nobody listens
 * to its `error`. Lines of one turn of the event loop go out together: where 1,000 proxies come at once, a write for each would be a twentieth of the work.
 */
class Output {
  private readonly tell: (lines: number, reason: string) => void;
  private lines: string[] = [];
  private bytes = 0;
  private lost = 0;
  private reason = "";

  /** @param tell hears how many lines were lost, and why, when the next ones were written */
  constructor(tell: (lines: number, reason: string) => void) {
    this.tell = tell;
    process.on("exit", () => this.flush());
  }

  write(line: string): void {
    if (this.lines.length === 0) setImmediate(() => this.flush());
    this.lines.push(line);
    this.bytes += line.length;
    if (this.bytes >= BATCH) this.flush();
  }

  private flush(): void {
    const { lines } = this;
    if (lines.length === 0) return;
    this.lines = [];
    this.bytes = 0;
    try {
      writeAll(Buffer.from(lines.join("")));
    } catch (error) {
      this.lost += lines.length;
      this.reason = (error as Error).message;
      return;
    }
    const { lost, reason } = this;
    this.lost = 0;
    if (lost > 0) this.tell(lost, reason);
  }
}

function writeAll(bytes: Uint8Array): void {
  const end = performance.now() + PATIENCE;
  for (let rest = bytes; rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(2, rest));
    } catch (error) {
      // A pipe that is full, of somebody who has set it not to block.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || performance.now() > end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
