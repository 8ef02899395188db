import type { MeshObject, Problem, SourceChange } from "../model/index.ts";

/** A change that somebody waits for. */
export interface ChangeSet {
  readonly source: string;
  /** Whether it is only to be seen what would become of it. Default: false. */
  readonly dryRun?: boolean;
  /**
   * The change, asked for when it is its turn: what it is based on holds until it is decided. What it throws is thrown to who waits. `keep` keeps it before it counts; where that fails, nothing
   * changes.
   */
  readonly stage: () => { readonly change: SourceChange; readonly keep?: () => Promise<void> };
}

/** What became of a change set. */
export interface Answer {
  /** False where it was refused: nothing has changed. */
  readonly taken: boolean;
  readonly upserted: readonly MeshObject[];
  readonly removed: readonly MeshObject[];
  /** What it would break, where it was refused; else what it brings about: problems that were not there before. */
  readonly problems: readonly Problem[];
}

/** Problems of `after` that are not among `before`. Where they stand in a file counts not: lines move. */
export function newProblems(before: readonly Problem[], after: readonly Problem[]): readonly Problem[] {
  const known = new Map<string, number>();
  for (const problem of before) known.set(keyOf(problem), (known.get(keyOf(problem)) ?? 0) + 1);
  return after.filter((problem) => {
    const key = keyOf(problem);
    const left = known.get(key) ?? 0;
    if (left > 0) known.set(key, left - 1);
    return left === 0;
  });
}

function keyOf({ file, level, code, path, message }: Problem): string {
  // Messages name the places of others.
  return JSON.stringify([file, level, code, path, message.replace(/:\d+:\d+/g, "")]);
}
