/** `; did you mean ...?` for the allowed name that is nearest to `name`, or nothing where none is near. */
export function suggestion(name: string, allowed: string[]): string {
  let best = "";
  let bestDistance = name.length > 4 ? 3 : 2;
  for (let i = 0; i < allowed.length; i++) {
    const distance = editDistance(name, allowed[i]);
    if (distance < bestDistance || (distance == 2 && bestDistance == 2 && best.length == 0 && name.length > 4)) {
      best = allowed[i];
      bestDistance = distance;
    }
  }
  // A name that was cut short: `meta` for `metadata`.
  for (let i = 0; i < allowed.length && best.length == 0; i++) {
    if (name.length >= 3 && allowed[i].startsWith(name)) best = allowed[i];
  }
  return best.length > 0 ? "; did you mean `" + best + "`?" : "";
}

/** Levenshtein's, with one row. Names longer than 64 are near to nothing. */
function editDistance(left: string, right: string): i32 {
  if (left.length > 64 || right.length > 64) return i32.MAX_VALUE;
  const row = new StaticArray<i32>(right.length + 1);
  for (let j = 0; j <= right.length; j++) row[j] = j;
  for (let i = 1; i <= left.length; i++) {
    let diagonal = row[0];
    row[0] = i;
    for (let j = 1; j <= right.length; j++) {
      const above = row[j];
      const same = left.charCodeAt(i - 1) == right.charCodeAt(j - 1);
      row[j] = min(min(above, row[j - 1]) + 1, diagonal + (same ? 0 : 1));
      diagonal = above;
    }
  }
  return row[right.length];
}
