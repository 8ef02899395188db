/** Time is counted in sixteenths of a nanosecond, so that a token of 333,333,333.3 ns loses next to nothing; 64 bits are 36 years of it. */
export const TICKS_PER_NANOSECOND: u64 = 16;
export const TICKS_PER_MILLISECOND: u64 = 1_000_000 * TICKS_PER_NANOSECOND;
export const TICKS_PER_SECOND: u64 = 1_000 * TICKS_PER_MILLISECOND;

/** One token a microsecond: at this rate rounding costs 1/16,000 of it, at lower ones less. */
const LEAST_COST: u64 = 1_000 * TICKS_PER_NANOSECOND;
/** Four years and a half: with any time of a clock that began with the machine the sum stays within 64 bits. */
const MOST_CAPACITY: u64 = 1 << 61;

/**
 * The size and the rate of buckets, in the words of Envoy's `TokenBucket`: at most `maxTokens`, and `tokensPerFill` more in each `fillInterval`. As in
 * Envoy's `AtomicTokenBucketImpl` tokens come evenly over the interval and not all at its end.
 *
 * One bucket is one number, the time at which it is or was full; this is the generic cell rate algorithm (ITU-T I.371, annex A, "virtual scheduling").
 *
 * ```
 *              now            fullAt          now + capacity
 *   -----------+---------------+---------------+-----------> time
 *              |<- taken ----->|<- there ----->|
 *                               one token = cost
 * ```
 *
 * A full bucket has a `fullAt` that is past, so that a missing one is a full one, and to forget a full one loses nothing. In any period T one bucket gives
 * at most `maxTokens + T / cost` tokens, exactly, however requests are spread. `cost` is rounded up: the rate is never above what is configured.
 */
@final
export class TokenBucket {
  private constructor(
    readonly maxTokens: u32,
    /** Ticks in which one token comes. */
    readonly cost: u64,
    /** Ticks in which an empty bucket fills. */
    readonly capacity: u64,
  ) {}

  /** `fillInterval` in milliseconds; nothing may be 0. `null` for more than a million tokens a second, and for a bucket that takes more than four years to fill. */
  static of(maxTokens: u32, tokensPerFill: u32, fillInterval: u64): TokenBucket | null {
    if (maxTokens == 0 || tokensPerFill == 0 || fillInterval > MOST_CAPACITY / TICKS_PER_MILLISECOND) return null;
    const interval = fillInterval * TICKS_PER_MILLISECOND;
    const cost = (interval + <u64>tokensPerFill - 1) / <u64>tokensPerFill;
    if (cost < LEAST_COST || cost > MOST_CAPACITY / <u64>maxTokens) return null;
    return new TokenBucket(maxTokens, cost, cost * <u64>maxTokens);
  }

  /** `fullAt` after one token was taken at `now`; 0 where there is none. */
  take(fullAt: u64, now: u64): u64 {
    const after = this.within(fullAt, now) + this.cost;
    return after - now <= this.capacity ? after : 0;
  }

  /**
   * `fullAt` after a token is given back that was taken `held` ticks ago. What would have come of it meanwhile is not given: somebody may have taken a token since
   * that would else have come later, and the bound must hold.
   */
  giveBack(fullAt: u64, held: u64): u64 {
    const back = this.cost - min(held, this.cost);
    return fullAt > back ? fullAt - back : 0;
  }

  /** Whole tokens there at `now`. */
  remaining(fullAt: u64, now: u64): u32 {
    return <u32>((this.capacity - (this.within(fullAt, now) - now)) / this.cost);
  }

  /** Ticks until there is a token; 0 where there is one. */
  wait(fullAt: u64, now: u64): u64 {
    const after = this.within(fullAt, now) + this.cost - now;
    return after > this.capacity ? after - this.capacity : 0;
  }

  /** A bucket that was filled under other settings counts as empty at most: `fullAt` could lie days ahead. */
  @inline
  private within(fullAt: u64, now: u64): u64 {
    return min(max(fullAt, now), now + this.capacity);
  }
}
