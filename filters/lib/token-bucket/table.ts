import { BucketKey } from "./key";
import { BUCKET_SIZE, BUCKETS_PER_PAGE } from "./page";

/** Pages for at least `buckets`. */
export function pageCount(buckets: i32): i32 {
  return (buckets + BUCKETS_PER_PAGE - 1) / BUCKETS_PER_PAGE;
}

/** The only page, of `pages`, on which the bucket of `key` can stand. */
export function pageOf(key: BucketKey, pages: i32): i32 {
  return <i32>(((key.one >> 32) * <u64>pages) >> 32);
}

/** A worker's own pages: memory that is there from the configuration on and never grows. */
@final
export class BucketTable {
  private readonly memory: StaticArray<u64>;
  private readonly pages: i32;
  /** Buckets of each page. */
  readonly width: i32;

  /** Room for `buckets`, rounded up to whole pages; a single one takes no more than itself. */
  constructor(buckets: i32) {
    const width = min(buckets, BUCKETS_PER_PAGE);
    const pages = pageCount(buckets);
    this.width = width;
    this.pages = pages;
    this.memory = new StaticArray<u64>(pages * width * <i32>(BUCKET_SIZE / sizeof<u64>()));
  }

  /** Where the page of `key` begins. */
  pageOf(key: BucketKey): usize {
    return changetype<usize>(this.memory) + <usize>(pageOf(key, this.pages) * this.width) * BUCKET_SIZE;
  }
}
