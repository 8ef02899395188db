/** Given to Envoy as `--log-format`: one JSON object for each line, newlines in messages escaped, seconds since 1970 with microseconds. */
export const LOG_FORMAT = '{"time":%E.%f,"level":"%l","component":"%n","message":"%j"}';

/** How a line of {@link LOG_FORMAT} begins. */
const LOG_START = '{"time":';

/** A warning behind which Envoy says only that some code could not be loaded. */
const WITHOUT_WASM = "Failed to create Wasm VM using envoy.wasm.runtime.v8 runtime";

/** Of what was written the last entries are kept, as many as this at least and twice as many at most: a run may be as long as it likes. */
const KEPT = 50_000;

/** A line that Envoy logged about itself or for a filter. */
export interface LogEntry {
  readonly kind: "log";
  /** Seconds since 1970. */
  readonly time: number;
  readonly level: string;
  /** Envoy's logger, for instance `wasm`. */
  readonly component: string;
  readonly message: string;
}

/** A line of a JSON access log that goes to the same place. */
export interface AccessEntry {
  readonly kind: "access";
  readonly fields: Readonly<Record<string, unknown>>;
}

export type Entry = LogEntry | AccessEntry;

/** Is told of an entry; where it returns `true`, it keeps what is needed of it, and the log does not. */
type Listener = (entry: Entry) => unknown;

/** What brings new text: a file that grows. A container's log comes by itself and needs none. */
export type Refresh = () => void;

/**
 * Everything that one Envoy wrote, in the order in which it did. Application log and access log share it, so that what a filter logged while a
 * request ran stands before the request's access log entry.
 */
export class EnvoyLog {
  /** The last ones, at least 50,000, but for those that a listener keeps. */
  readonly entries: Entry[] = [];
  private readonly refreshFrom: Refresh;
  private readonly listeners = new Set<Listener>();
  private rest = "";
  /** The beginning of a line of the access log whose end has not come yet. */
  private torn = "";

  constructor(refresh: Refresh = () => undefined) {
    this.refreshFrom = refresh;
  }

  /** Reads what was written since. */
  refresh(): void {
    this.refreshFrom();
  }

  /** Takes text as it was written; the last line may be incomplete. */
  push(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line !== "") this.take(line);
    }
  }

  /**
   * Envoy writes its access log in pieces of some KiB from another thread than its own lines, each of which is one write: so a line of the access log may be torn, with whole lines of the other log in between.
   */
  private take(line: string): void {
    const whole = parse(line);
    if (whole !== undefined) {
      this.add(whole);
      return;
    }
    const end = this.torn === "" ? undefined : parse(this.torn + line);
    if (end !== undefined) {
      this.torn = "";
      this.add(end);
      return;
    }
    const within = line.indexOf(LOG_START);
    const other = within > 0 ? parse(line.slice(within)) : undefined;
    if (other === undefined) {
      this.add(unlogged(line));
      return;
    }
    this.torn += line.slice(0, within);
    // Torn right before its line break.
    const before = parse(this.torn);
    if (before !== undefined) {
      this.torn = "";
      this.add(before);
    }
    this.add(other);
  }

  /**
   * Takes a line that another log has read.
   *
   * @returns whether a listener keeps it
   */
  add(entry: Entry): boolean {
    let kept = false;
    for (const listener of this.listeners) if (listener(entry) === true) kept = true;
    if (kept) return true;
    this.entries.push(entry);
    if (this.entries.length >= 2 * KEPT) this.entries.splice(0, KEPT);
    return false;
  }

  /** Nothing follows: what stands without a line break is a line too. An Envoy that crashes may not get to write one. */
  end(): void {
    if (this.rest !== "") this.push("\n");
  }

  /** Calls `listener` with every later entry. The returned function ends that. */
  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Envoy's own lines and those of filters, without the access log. */
  lines(): string[] {
    return this.entries.filter((entry) => entry.kind === "log").map((entry) => `[${entry.level}][${entry.component}] ${entry.message}`);
  }

  /** Why Envoy ended: its first error, which is the cause of the others, and its last, which says what it gave up. */
  reason(): string | undefined {
    const withoutWasm = this.entries.find((entry) => entry.kind === "log" && entry.message.includes(WITHOUT_WASM));
    if (withoutWasm !== undefined) return "this Envoy was compiled without V8 and loads no wasm: take another build of it";
    const wanted = new Set(["error", "critical"]);
    const problems = this.entries.flatMap((entry) => (entry.kind === "log" && wanted.has(entry.level) ? [entry.message] : []));
    const [first, last] = [problems[0], problems.at(-1)];
    return first === undefined || last === undefined || last.includes(first) ? last : `${first} (${last})`;
  }
}

/** Undefined for what is no whole line of either log. */
function parse(line: string): Entry | undefined {
  // What is written without the logger is no JSON, and an exception for each line of it would cost more than the line.
  if (!line.startsWith("{") || !line.endsWith("}")) return undefined;
  try {
    const fields = JSON.parse(line) as Record<string, unknown>;
    const { time, level, component, message } = fields;
    if (typeof level === "string" && typeof component === "string" && typeof message === "string") {
      return { kind: "log", time: Number(time), level, component, message };
    }
    return { kind: "access", fields };
  } catch {
    return undefined;
  }
}

/** What is written without the logger: usage errors, a crash's backtrace. */
function unlogged(line: string): LogEntry {
  return { kind: "log", time: Date.now() / 1_000, level: "error", component: "stderr", message: line };
}
