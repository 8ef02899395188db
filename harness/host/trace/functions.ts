import type { Profiler } from "node:inspector";

/** A function of a module, and the time that V8 saw pass in itself. */
export interface ProfiledFunction {
  /** By the module's name section; `wasm-function[INDEX]` where it has none. */
  readonly name: string;
  /** Microseconds, functions that it called not counted. */
  readonly self: number;
  /** Of the time in all modules, from 0 to 1. */
  readonly share: number;
}

/** Functions of modules in a profile of V8, the hottest first. */
export function functionsOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): ProfiledFunction[] {
  const names = new Map(
    nodes.filter(({ callFrame }) => callFrame.url.startsWith("wasm://")).map(({ id, callFrame }) => [id, callFrame.functionName]),
  );
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id);
    if (name !== undefined) times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const all = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times].map(([name, self]) => ({ name, self, share: self / all })).toSorted((a, b) => b.self - a.self);
}
