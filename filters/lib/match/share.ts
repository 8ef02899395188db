import { Bucketing } from "./bucket";

/** A part of the traffic: at random, or always the same clients. */
@final
export class Share {
  constructor(
    private readonly bucketing: Bucketing,
    /** How many of a million buckets are in. */
    readonly size: u32,
  ) {}

  /** Whether `request` is in. Without a key for it each call draws anew. */
  has<R>(request: R): bool {
    return this.bucketing.bucketOf(request) < this.size;
  }

  /** The same for a share of at most `size` buckets. */
  hasWithin<R>(request: R, size: u32): bool {
    return this.bucketing.bucketOf(request) < min(this.size, size);
  }
}
