import { compareProblems, formatPath, type Problem } from "../model/index.ts";

/** A problem with its path as text. */
export type ToldProblem = Omit<Problem, "path"> & { readonly path: string };

export interface ProblemsDifference {
  readonly new: readonly ToldProblem[];
  readonly gone: readonly ToldProblem[];
}

export function told(problem: Problem): ToldProblem {
  return { ...problem, path: formatPath(problem.path) };
}

/**
 * Which problems come and which go. One that stands elsewhere only, because something above it was edited or its file was renamed, is the same; places in its message, of other objects, tell nothing either.
 */
export function compareProblemLists(before: readonly ToldProblem[], after: readonly ToldProblem[]): ProblemsDifference {
  const old = Map.groupBy(before, keyOf);
  const now = Map.groupBy(after, keyOf);
  const more = (these: ReadonlyMap<string, readonly ToldProblem[]>, those: ReadonlyMap<string, readonly ToldProblem[]>) =>
    [...these].flatMap(([key, list]) => list.slice(those.get(key)?.length ?? 0)).sort(compareProblems);
  return { new: more(now, old), gone: more(old, now) };
}

function keyOf({ level, code, path, message }: ToldProblem): string {
  return [level, code, path, message.replaceAll(/\S+:\d+(:\d+)?/g, "")].join(" ");
}
