/** The lines of which two texts differ, those of the first after `-`, those of the second after `+`, and `...` between places. */
export function difference(before: string, after: string): readonly string[] {
  let [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  [a, b] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  // How many lines the rests of both have in common, in their order.
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) {
      const row = common[i];
      if (row !== undefined) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      if (lines.at(-1) !== "...") lines.push("...");
      [i, j] = [i + 1, j + 1];
    } else if (j < b.length && (i === a.length || at(i, j + 1) >= at(i + 1, j))) lines.push(`+ ${b[j++] ?? ""}`);
    else lines.push(`- ${a[i++] ?? ""}`);
  }
  return lines;
}
