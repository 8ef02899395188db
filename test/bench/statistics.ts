/**
 * The value below which the share `fraction` of the samples lies, by the nearest rank. Sorts `samples` in place.
 *
 * @param fraction above 0, at most 1; 0.05 is the 5th percentile
 * @throws RangeError where there is no sample, or the fraction is out of range
 */
export function percentile(samples: Float64Array, fraction: number): number {
  if (!(fraction > 0 && fraction <= 1)) throw new RangeError(`a fraction of ${fraction} is none of (0, 1]`);
  samples.sort();
  const value = samples[Math.ceil(fraction * samples.length) - 1];
  if (value === undefined) throw new RangeError("a percentile of no samples");
  return value;
}

/**
 * The middle value, or the mean of the two in the middle.
 *
 * @throws RangeError where there is no value
 */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError("a median of no values");
  return (lower + upper) / 2;
}

/** Of the same rounds, in the same order, for two variants. */
export type Paired = readonly [readonly number[], readonly number[]];

/**
 * The median of the differences within each round. What disturbs a whole round (another process, a slower clock of the core) disturbs both
 * sides, and so drops out.
 */
export function pairedDifference([left, right]: Paired): number {
  return median(zip(left, right).map(([a, b]) => a - b));
}

/**
 * The median over the rounds of what `left` adds to `base`, divided by what `right` adds to it.
 *
 * @returns NaN where `right` added nothing in most rounds, so that no ratio makes sense
 */
export function pairedRatio(left: readonly number[], right: readonly number[], base: readonly number[]): number {
  const ratios = zip(left, right).map(([a, b], i) => {
    const zero = base[i] ?? NaN;
    return b > zero ? (a - zero) / (b - zero) : NaN;
  });
  const known = ratios.filter((ratio) => !Number.isNaN(ratio));
  return known.length * 2 > ratios.length ? median(known) : NaN;
}

/** Least-squares slope of `y` over `x`. */
export function slope(points: ReadonlyArray<readonly [x: number, y: number]>): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

function zip(left: readonly number[], right: readonly number[]): Array<[number, number]> {
  if (left.length !== right.length) throw new RangeError(`${left.length} rounds on one side, ${right.length} on the other`);
  return left.map((value, i) => [value, right[i] ?? NaN]);
}
