/** An index that is replaced, not changed: keys to lists. */
export type Grouped<T> = ReadonlyMap<string, readonly T[]>;

/**
 * Takes entries out of an index and puts others in, in the order of `compare`; the index itself stays as it was. Costs a copy of the index' keys, and the lists
 * that change.
 */
export function regroup<T>(
  index: Grouped<T>,
  removed: readonly (readonly [key: string, entry: T])[],
  added: readonly (readonly [key: string, entry: T])[],
  compare: (a: T, b: T) => number,
): Grouped<T> {
  if (removed.length === 0 && added.length === 0) return index;
  const result = new Map(index);
  for (const [key, entry] of removed) {
    const rest = (result.get(key) ?? []).filter((each) => each !== entry);
    if (rest.length > 0) result.set(key, rest);
    else result.delete(key);
  }
  for (const [key, entry] of added) result.set(key, [...(result.get(key) ?? []), entry].sort(compare));
  return result;
}
