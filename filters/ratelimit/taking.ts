import { BUCKET_SIZE, BucketKey, BucketPage, TICKS_PER_NANOSECOND } from "../lib/token-bucket";
import { arena, monotonicTime, Status } from "../sdk";
import { RateLimit } from "./limit";

/**
 * How often a bucket is read anew because another worker wrote its page in between. Each time somebody else got his token, so that even two never
 * reach it in practice; without an end a request could hang.
 */
const ATTEMPTS: i32 = 64;

/** What became of the attempt to take a token. */
export const enum Outcome {
  Taken,
  /** The bucket is empty. */
  Refused,
  /** Shared data did not do what was asked. */
  Failed,
}

/**
 * One token that a request wants of one limit: looked at first and taken later, when every other limit has been looked at too. Lives in the arena, in a
 * list.
 */
@unmanaged
@final
export class Taking {
  key: BucketKey;
  next: Taking | null;
  /** Buckets side by side, where the host or the worker's table has them, or a larger copy. */
  page: usize;
  count: i32;
  /** Version of the page in shared data. */
  cas: u32;
  /** When the bucket is full: as it was read, and with the token taken; the latter is 0 where there is none. */
  fullAt: u64;
  after: u64;
  private limitPointer: usize;
  private bucket: usize;
  /** When it was looked at, in ticks. */
  now: u64;
  /** Another bucket has to be forgotten for this one, though it is not full. */
  evicts: bool;

  /** Looks at the bucket of `key` at `now`, in ticks. */
  static look(limit: RateLimit, key: BucketKey, now: u64): Taking {
    const taking = changetype<Taking>(arena.allocate(offsetof<Taking>()));
    taking.limitPointer = changetype<usize>(limit);
    taking.key = key;
    taking.next = null;
    taking.now = now;
    limit.buckets.load(taking);
    if (taking.fullAt > now + limit.bucket.capacity) taking.settle();
    taking.after = limit.bucket.take(taking.fullAt, now);
    return taking;
  }

  /**
   * A bucket that is emptier than one can be: either another worker took the last token after `now` was read, or it was filled under settings of a configuration
   * before, and would stay empty until they had filled it. The latter is so where it holds by the clock as it is after the bucket was read.
   */
  private settle(): void {
    const empty = monotonicTime() * TICKS_PER_NANOSECOND + this.limit.bucket.capacity;
    if (this.fullAt <= empty) return;
    this.after = empty;
    // Where another worker was quicker it settled it, or the next request will.
    this.limit.buckets.save(this);
    this.fullAt = empty;
  }


  @inline
  get limit(): RateLimit {
    return changetype<RateLimit>(this.limitPointer);
  }

  /** Takes the token that {@link look} found. */
  take(): Outcome {
    const limit = this.limit;
    for (let i = 0; i < ATTEMPTS; i++) {
      if (this.after == 0) return Outcome.Refused;
      const status = limit.buckets.save(this);
      if (status == Status.Ok) return Outcome.Taken;
      if (status != Status.CasMismatch) return Outcome.Failed;
      limit.buckets.load(this);
      this.after = limit.bucket.take(this.fullAt, this.now);
    }
    return Outcome.Failed;
  }

  /** Gives the token back that {@link take} took. Where the bucket was forgotten meanwhile there is nothing to do. */
  giveBack(): void {
    const limit = this.limit;
    for (let i = 0; i < ATTEMPTS; i++) {
      limit.buckets.load(this);
      if (this.fullAt == 0) return;
      this.after = limit.bucket.giveBack(this.fullAt, max<u64>(monotonicTime() * TICKS_PER_NANOSECOND, this.now) - this.now);
      if (limit.buckets.save(this) != Status.CasMismatch) return;
    }
  }

  /** @internal Finds the bucket on a page of `count`, or a place for it: that of one that is full by now, a new one up to `width`, or that of the one soonest full. */
  place(page: usize, count: i32, width: i32): void {
    this.page = page;
    this.count = count;
    this.evicts = false;
    this.bucket = BucketPage.find(page, count, this.key);
    if (this.bucket != 0) {
      this.fullAt = BucketPage.fullAt(this.bucket);
      return;
    }
    this.fullAt = 0;
    if (count > 0) this.bucket = BucketPage.soonestFull(page, count);
    if (count > 0 && BucketPage.fullAt(this.bucket) <= this.now) return;
    if (count == width) {
      this.evicts = true;
      return;
    }
    this.page = arena.allocate(<usize>(count + 1) * BUCKET_SIZE);
    memory.copy(this.page, page, <usize>count * BUCKET_SIZE);
    this.bucket = this.page + <usize>count * BUCKET_SIZE;
    this.count = count + 1;
  }

  /** @internal Writes what {@link after} says onto the page. */
  @inline
  write(): void {
    BucketPage.write(this.bucket, this.key, this.after);
  }
}
