import { arena, Bytes } from "../bytes";
import { BUCKET_SIZE, BucketKey, BucketPage, BucketTable, TokenBucket } from ".";

// Flat functions for the tests of this folder. One configuration and one table at a time.

let bucket: TokenBucket | null = null;
let table = new BucketTable(1);

/** Whether there is such a bucket. */
export function configure(maxTokens: u32, tokensPerFill: u32, fillInterval: u64): bool {
  bucket = TokenBucket.of(maxTokens, tokensPerFill, fillInterval);
  return bucket != null;
}

export function cost(): u64 {
  return (bucket as TokenBucket).cost;
}

export function capacity(): u64 {
  return (bucket as TokenBucket).capacity;
}

export function take(fullAt: u64, now: u64): u64 {
  return (bucket as TokenBucket).take(fullAt, now);
}

export function giveBack(fullAt: u64, held: u64): u64 {
  return (bucket as TokenBucket).giveBack(fullAt, held);
}

export function remaining(fullAt: u64, now: u64): u32 {
  return (bucket as TokenBucket).remaining(fullAt, now);
}

export function wait(fullAt: u64, now: u64): u64 {
  return (bucket as TokenBucket).wait(fullAt, now);
}

let key: BucketKey = changetype<BucketKey>(0);

export function begin(one: u64, two: u64): void {
  arena.reset();
  key = BucketKey.begin(one, two);
}

export function add(pointer: usize, length: i32): void {
  key.add(Bytes.view(pointer, length));
}

export function addGap(): void {
  key.addGap();
}

export function one(): u64 {
  return key.one;
}

export function two(): u64 {
  return key.two;
}

export function makeTable(buckets: i32): i32 {
  table = new BucketTable(buckets);
  return table.width;
}

/** `fullAt` of the bucket of a key; 0 where it is not there. */
export function read(one: u64, two: u64): u64 {
  arena.reset();
  const wanted = BucketKey.begin(one, two);
  const found = BucketPage.find(table.pageOf(wanted), table.width, wanted);
  return found == 0 ? 0 : BucketPage.fullAt(found);
}

/** Writes the bucket of a key, and returns `fullAt` of the one that had to go for it. */
export function write(one: u64, two: u64, fullAt: u64): u64 {
  arena.reset();
  const wanted = BucketKey.begin(one, two);
  const page = table.pageOf(wanted);
  const found = BucketPage.find(page, table.width, wanted);
  const place = found == 0 ? BucketPage.soonestFull(page, table.width) : found;
  const lost = found == 0 ? BucketPage.fullAt(place) : 0;
  BucketPage.write(place, wanted, fullAt);
  return lost;
}

export function bucketSize(): i32 {
  return <i32>BUCKET_SIZE;
}
