import { addTo, BUCKETS, bucketOf, highestOf, quantileOf } from ".";

// Flat functions for histogram.test.ts.

const counts: usize = memory.data(BUCKETS << 2, 8);

export function bucket(value: u64): i32 {
  return bucketOf(value);
}

export function highest(index: i32): u64 {
  return highestOf(index);
}

export function clear(): void {
  memory.fill(counts, 0, BUCKETS << 2);
}

export function add(value: u64): void {
  addTo(counts, value);
}

export function quantile(share: u32): u64 {
  return quantileOf(counts, share);
}
