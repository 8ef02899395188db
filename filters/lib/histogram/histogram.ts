/**
 * A histogram of durations in {@link BUCKETS} counts of 32 bits, in memory of the caller. Every power of two has four buckets, so that a
 * quantile is right to a quarter of its value; counts of two histograms can be added.
 *
 * ```
 *   index    0          1 2 3 4      5 6 7 8      ...  63
 *   from     0 .. 63    64 80 96 112 128 160 192 224   3,145,728 and above    (microseconds)
 * ```
 */
export const BUCKETS: i32 = 64;

const LOWEST_POWER: i32 = 6;

/** The bucket of `value`. */
export function bucketOf(value: u64): i32 {
  if (value < 1 << LOWEST_POWER) return 0;
  const power = 63 - <i32>clz(value);
  const quarter = (<i32>(value >> (power - 2))) & 3;
  return min(1 + ((power - LOWEST_POWER) << 2) + quarter, BUCKETS - 1);
}

/** The greatest value of a bucket; of the last one, which has none, the greatest of all. */
export function highestOf(bucket: i32): u64 {
  if (bucket >= BUCKETS - 1) return u64.MAX_VALUE;
  if (bucket <= 0) return (1 << LOWEST_POWER) - 1;
  const power = LOWEST_POWER + ((bucket - 1) >> 2);
  const quarter = <u64>((bucket - 1) & 3);
  return ((4 + quarter + 1) << (power - 2)) - 1;
}

/** Counts `value` in the histogram at `counts`. */
export function addTo(counts: usize, value: u64): void {
  const at = counts + ((<usize>bucketOf(value)) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** The value that `share` (in parts of a million) of all values do not exceed, rounded up to its bucket; 0 where nothing was counted. */
export function quantileOf(counts: usize, share: u32): u64 {
  let total: u64 = 0;
  for (let i = 0; i < BUCKETS; i++) total += <u64>load<u32>(counts + ((<usize>i) << 2));
  if (total == 0) return 0;
  const wanted = (total * <u64>share + 999_999) / 1_000_000;
  let seen: u64 = 0;
  for (let i = 0; i < BUCKETS; i++) {
    seen += <u64>load<u32>(counts + ((<usize>i) << 2));
    if (seen >= wanted && seen > 0) return highestOf(i);
  }
  return u64.MAX_VALUE;
}
