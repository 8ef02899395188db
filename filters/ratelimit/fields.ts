import { formatInteger } from "../lib/number";
import { arena, Bytes } from "../sdk";
import { delaySeconds, RateLimit, seconds } from "./limit";

// draft-ietf-httpapi-ratelimit-headers-11: both fields are lists (RFC 9651, section 3.1) of strings with parameters.
export const RATELIMIT = Bytes.of("ratelimit");
export const RATELIMIT_POLICY = Bytes.of("ratelimit-policy");
/** RFC 9110, section 10.2.3. */
export const RETRY_AFTER = Bytes.of("retry-after");

const REMAINING = Bytes.of(";r=");
const WINDOW = Bytes.of(";t=");
const SEPARATOR = Bytes.of(", ");
/** Limits that one answer tells about. */
const MOST: i32 = 8;
/** Two numbers of at most 20 digits, and what stands around them. */
const NUMBERS: usize = 48;

/**
 * What an answer says about the limits of its request: for each its name, the tokens left (`r`) and a window (`t`). Where none is left the window is the time
 * until there is one; else that in which as many come as there are, so that `r` by `t` is never more than the rate that lasts (section 8.5 of the
 * draft). A field of a stream, made once; for more than eight limits it tells about the first eight.
 */
@final
export class Report {
  private count: i32 = 0;
  private readonly limits: StaticArray<RateLimit | null> = new StaticArray<RateLimit | null>(MOST);
  private readonly remaining: StaticArray<u32> = new StaticArray<u32>(MOST);
  private readonly windows: StaticArray<u64> = new StaticArray<u64>(MOST);

  get empty(): bool {
    return this.count == 0;
  }

  clear(): void {
    this.count = 0;
  }

  /** `fullAt`: of the bucket, now. */
  add(limit: RateLimit, fullAt: u64, now: u64): void {
    if (this.count == MOST) return;
    const bucket = limit.bucket;
    const remaining = bucket.remaining(fullAt, now);
    const i = this.count++;
    unchecked((this.limits[i] = limit));
    unchecked((this.remaining[i] = remaining));
    unchecked((this.windows[i] = remaining == 0 ? delaySeconds(bucket.wait(fullAt, now)) : seconds(bucket.cost * <u64>remaining)));
  }

  /** `"per-user";r=3;t=30, "all";r=0;t=1`. */
  get rateLimit(): Bytes {
    let size: usize = 0;
    for (let i = 0; i < this.count; i++) size += <usize>this.limitAt(i).quoted.bytes.length + NUMBERS;
    const start = arena.allocate(size);
    let at = start;
    for (let i = 0; i < this.count; i++) {
      if (i > 0) at = append(at, SEPARATOR);
      at = append(at, this.limitAt(i).quoted.bytes);
      at = append(at, REMAINING);
      at = append(at, formatInteger(<i64>unchecked(this.remaining[i])));
      at = append(at, WINDOW);
      at = append(at, formatInteger(<i64>unchecked(this.windows[i])));
    }
    return Bytes.view(start, <i32>(at - start));
  }

  /** `"per-user";q=100;w=1000, "all";q=10;w=1`: what the limits of {@link rateLimit} allow. */
  get policy(): Bytes {
    let size: usize = 0;
    for (let i = 0; i < this.count; i++) size += <usize>this.limitAt(i).policy.bytes.length + 2;
    const start = arena.allocate(size);
    let at = start;
    for (let i = 0; i < this.count; i++) {
      if (i > 0) at = append(at, SEPARATOR);
      at = append(at, this.limitAt(i).policy.bytes);
    }
    return Bytes.view(start, <i32>(at - start));
  }

  private limitAt(index: i32): RateLimit {
    return unchecked(this.limits[index]) as RateLimit;
  }
}

function append(at: usize, bytes: Bytes): usize {
  memory.copy(at, bytes.pointer, <usize>bytes.length);
  return at + <usize>bytes.length;
}
