export const MAX_CODE_POINT: u32 = 0x10ffff;

/** Adds a range to a set that is tidied later. */
export function addRange(ranges: u32[], first: u32, last: u32): void {
  ranges.push(first);
  ranges.push(last);
}

/** Sorts ranges and joins those that touch. */
export function tidy(ranges: u32[]): u32[] {
  const count = ranges.length / 2;
  // Insertion sort: sets are short, and classes are written almost in order.
  for (let i = 1; i < count; i++) {
    const first = ranges[2 * i];
    const last = ranges[2 * i + 1];
    let j = i - 1;
    for (; j >= 0 && ranges[2 * j] > first; j--) {
      ranges[2 * j + 2] = ranges[2 * j];
      ranges[2 * j + 3] = ranges[2 * j + 1];
    }
    ranges[2 * j + 2] = first;
    ranges[2 * j + 3] = last;
  }
  const joined: u32[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const end = joined.length - 1;
    if (end > 0 && ranges[i] <= joined[end] + 1) joined[end] = max(joined[end], ranges[i + 1]);
    else addRange(joined, ranges[i], ranges[i + 1]);
  }
  return joined;
}

/** The code points that are not in a tidy set. */
export function negate(ranges: u32[]): u32[] {
  const rest: u32[] = [];
  let next: u32 = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    if (ranges[i] > next) addRange(rest, next, ranges[i] - 1);
    next = ranges[i + 1] + 1;
  }
  if (next <= MAX_CODE_POINT) addRange(rest, next, MAX_CODE_POINT);
  return rest;
}

/**
 * Adds the other case of ASCII letters, and the two letters beyond ASCII that fold to them: U+017F (s) and U+212A (k), as RE2 does. `false` where
 * the set has other letters beyond ASCII that have a case: their tables are not here.
 */
export function fold(ranges: u32[]): void {
  const count = ranges.length;
  for (let i = 0; i < count; i += 2) {
    const first = ranges[i];
    const last = ranges[i + 1];
    const upperFirst = max<u32>(first, 0x41);
    const upperLast = min<u32>(last, 0x5a);
    if (upperFirst <= upperLast) addRange(ranges, upperFirst + 32, upperLast + 32);
    const lowerFirst = max<u32>(first, 0x61);
    const lowerLast = min<u32>(last, 0x7a);
    if (lowerFirst <= lowerLast) addRange(ranges, lowerFirst - 32, lowerLast - 32);
    if (contains(first, last, 0x73) || contains(first, last, 0x53)) addRange(ranges, 0x17f, 0x17f);
    if (contains(first, last, 0x6b) || contains(first, last, 0x4b)) addRange(ranges, 0x212a, 0x212a);
    if (contains(first, last, 0x17f)) {
      addRange(ranges, 0x53, 0x53);
      addRange(ranges, 0x73, 0x73);
    }
    if (contains(first, last, 0x212a)) {
      addRange(ranges, 0x4b, 0x4b);
      addRange(ranges, 0x6b, 0x6b);
    }
  }
}

// @ts-ignore: decorator
@inline
function contains(first: u32, last: u32, code: u32): bool {
  return first <= code && code <= last;
}
