import { BucketKey } from "./key";

/** Bytes of one bucket. */
export const BUCKET_SIZE: usize = 24;
/** Buckets of one page at most: what is looked through for each request, three cache lines. */
export const BUCKETS_PER_PAGE: i32 = 8;

/**
 * A few buckets side by side, in a worker's own table or as one value of shared data. All zeros is a page of nobody's buckets.
 *
 * ```
 *   0          8          16         24
 *   +----------+----------+----------+----------+---
 *   | key.one  | key.two  | fullAt   | key.one  | ...
 *   +----------+----------+----------+----------+---
 * ```
 */
export namespace BucketPage {
  /** The bucket of `key` on a page of `count`; 0 where it is not there. */
  export function find(page: usize, count: i32, key: BucketKey): usize {
    let bucket = page;
    for (let i = 0; i < count; i++) {
      if (load<u64>(bucket) == key.one && load<u64>(bucket, 8) == key.two) return bucket;
      bucket += BUCKET_SIZE;
    }
    return 0;
  }

  /**
   * The bucket that is soonest full, to make room. Where it is full by now nothing is lost; else whoever it belongs to gets back what was taken of it, which is
   * the least that can be lost. Those who took the most are the last to be forgotten.
   */
  export function soonestFull(page: usize, count: i32): usize {
    let best = page;
    for (let i = 1; i < count; i++) {
      const bucket = page + <usize>i * BUCKET_SIZE;
      if (load<u64>(bucket, 16) < load<u64>(best, 16)) best = bucket;
    }
    return best;
  }

  // @ts-ignore: decorator
  @inline
  export function fullAt(bucket: usize): u64 {
    return load<u64>(bucket, 16);
  }

  // @ts-ignore: decorator
  @inline
  export function write(bucket: usize, key: BucketKey, fullAt: u64): void {
    store<u64>(bucket, key.one);
    store<u64>(bucket, key.two, 8);
    store<u64>(bucket, fullAt, 16);
  }
}
