import type { Decision, FilterSpec, LogLine } from "../../target/index.ts";
import type { Entry, LogEntry } from "../log.ts";
import { readMark, type Mark } from "./markers.ts";
import { logPrefixes } from "./plugin.ts";

const DECISION = "decision ";
/** Of the filters' lines the last are kept, as many as this at least and twice as many at most, as in the in-process host. */
const KEPT = 50_000;

/** What Envoy logged for one stream: its access log entry, and the decisions that filters made about it. */
export interface StreamRecord {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly decisions: readonly Decision[];
  /** Seconds from the first filter until the router, or until an answer where no filter let the request through. */
  readonly held: number;
}

/** A stream that is not over. */
interface OpenStream {
  readonly decisions: Decision[];
  readonly begun: number;
  held?: number;
}

/**
 * Sorts what Envoy logs by stream.
 *
 * A wasm line belongs to the stream whose mark stands before it, while that stream is in the filters: behind `begin` and `answer`. Behind
 * `forward` and `end` its stream is elsewhere; then a line comes from a stream that a timer or a callout has resumed (or from the upstream
 * chain), and the next mark tells which, because a resumed stream goes on to leave the filters. Lines behind `end`
 * that a new stream's `begin` follows came from `on_log`.
 */
export class Attribution {
  /** The last lines of the filters, in order. */
  readonly lines: LogLine[] = [];
  /** How many there were before these. */
  private dropped = 0;
  private readonly prefixes: readonly string[];
  private readonly streams = new Map<number, OpenStream>();
  private undecided: Decision[] = [];
  private last: { readonly mark: Mark; readonly stream: number } | undefined;
  private readonly onStream: (record: StreamRecord) => void;

  /** @param onStream is told of every stream that ended */
  constructor(filters: readonly FilterSpec[], onStream: (record: StreamRecord) => void) {
    // A longer prefix may begin with a shorter one.
    this.prefixes = filters.flatMap(logPrefixes).toSorted((a, b) => b.length - a.length);
    this.onStream = onStream;
  }

  /** How many lines there have been. */
  get written(): number {
    return this.dropped + this.lines.length;
  }

  /** The lines since there were `written`, of which the first may be gone. */
  since(written: number): LogLine[] {
    return this.lines.slice(Math.max(0, written - this.dropped));
  }

  /** Returns whether it was one of these; of others nothing is kept. */
  take(entry: Entry): boolean {
    if (entry.kind === "access") return this.takeAccess(entry.fields);
    if (entry.component === "lua") return this.takeMark(entry);
    return entry.component === "wasm" && this.takeLine(entry);
  }

  private takeMark({ message, time }: LogEntry): boolean {
    const next = readMark(message);
    if (next === undefined) return false;
    this.assign(next.mark === "begin" ? this.last?.stream : next.stream);
    const stream = this.streams.get(next.stream);
    if (next.mark === "begin") this.streams.set(next.stream, { decisions: [], begun: time });
    else if (stream !== undefined) stream.held ??= time - stream.begun;
    this.last = next;
    return true;
  }

  private takeLine(entry: LogEntry): boolean {
    const prefix = this.prefixes.find((candidate) => entry.message.startsWith(candidate));
    if (prefix === undefined) return false;
    const message = entry.message.slice(prefix.length);
    this.lines.push({ level: levelOf(entry.level), message });
    if (this.lines.length >= 2 * KEPT) this.dropped += this.lines.splice(0, KEPT).length;
    if (!message.startsWith(DECISION)) return true;
    try {
      this.undecided.push(JSON.parse(message.slice(DECISION.length)) as Decision);
    } catch {
      // A line that only looks like one stays a log line.
      return true;
    }
    if (this.last?.mark === "begin" || this.last?.mark === "answer") this.assign(this.last.stream);
    return true;
  }

  /** The entry comes last: a filter's `on_log` runs before it is written. */
  private takeAccess(fields: Readonly<Record<string, unknown>>): boolean {
    this.assign(this.last?.stream);
    const number = Number(fields["stream"] ?? NaN);
    const stream = this.streams.get(number);
    this.streams.delete(number);
    this.onStream({ fields, decisions: stream?.decisions ?? [], held: stream?.held ?? 0 });
    return true;
  }

  private assign(stream: number | undefined): void {
    if (this.undecided.length === 0) return;
    // Of a stream that is over, or of none: a tick's.
    if (stream !== undefined) this.streams.get(stream)?.decisions.push(...this.undecided);
    this.undecided = [];
  }
}

function levelOf(level: string): LogLine["level"] {
  return level === "warning" ? "warn" : (level as LogLine["level"]);
}
