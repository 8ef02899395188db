import type { Manifest } from "../manifest.ts";
import type { FieldPath } from "../place.ts";
import { Code, type Level, type Problem } from "../problem.ts";

/** Reads one document: where it is, and what it found wrong so far. */
export class ReadContext {
  readonly path: FieldPath;
  private readonly manifest: Manifest;
  private readonly problems: Problem[];

  constructor(manifest: Manifest, problems: Problem[], path: FieldPath = []) {
    this.manifest = manifest;
    this.problems = problems;
    this.path = path;
  }

  /** The same, one step deeper. */
  at(step: string | number): ReadContext {
    return new ReadContext(this.manifest, this.problems, [...this.path, step]);
  }

  report(level: Level, code: string, message: string): void {
    this.problems.push({ ...this.manifest.place(this.path), level, code, path: this.path, message });
  }

  /** A value of the wrong shape or out of range; refuses the object. */
  wrong(message: string): undefined {
    this.report("error", Code.Value, message);
    return undefined;
  }
}
