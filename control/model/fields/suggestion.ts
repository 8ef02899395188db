/** `; did you mean X?` for the known name that is nearest, or nothing where none is near. */
export function suggestion(name: string, known: readonly string[]): string {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const each of known) {
    const distance = each.startsWith(name) && name.length >= 3 ? 1 : editDistance(name, each);
    if (distance < bestDistance) {
      best = each;
      bestDistance = distance;
    }
  }
  return best === undefined ? "" : `; did you mean ${best}?`;
}

/** Levenshtein's. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [i, character] of [...left].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= right.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (character === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
