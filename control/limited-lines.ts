import type { ControlLog } from "./log.ts";

type Write = ControlLog["warn"];

/** Lines of one sort that are written within a second; whoever causes them all the time does not fill the disk. */
const LINES = 20;
const SECOND = 1000;

/** What anybody who reaches the service may cause to be logged, as often as he likes: the first lines of each second, and at its end how many more there were. */
export class LimitedLines {
  private readonly write: Write;
  private readonly more: string;
  private count = 0;
  private second: NodeJS.Timeout | undefined;

  /** @param more the message of the line with their `count` */
  constructor(write: Write, more: string) {
    this.write = write;
    this.more = more;
  }

  add(...line: Parameters<Write>): void {
    this.second ??= setTimeout(() => this.end(), SECOND).unref();
    this.count += 1;
    if (this.count <= LINES) this.write(...line);
  }

  private end(): void {
    const left = this.count - LINES;
    this.second = undefined;
    this.count = 0;
    if (left > 0) this.write({ count: left }, this.more);
  }
}
