/** How many entries there are of each key. */
export function countBy<T>(entries: Iterable<T>, key: (entry: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) counts.set(key(entry), (counts.get(key(entry)) ?? 0) + 1);
  return counts;
}
