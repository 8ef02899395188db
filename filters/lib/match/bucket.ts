import { Bytes, Text } from "../bytes";
import { xxHash64 } from "../hash";

/** Buckets of one unit: a percentage of two decimals and then some, in parts of a million. */
export const BUCKETS: u32 = 1_000_000;

/** What a share of traffic is sticky to. */
export const enum BucketKey {
  Random = 0,
  Header = 1,
  Cookie = 2,
  SourceAddress = 3,
}

/**
 * Puts a request into one of a million buckets. By a key the same client comes into the same bucket, on every worker and every proxy, because
 * only the key's bytes and the seed count; requests without the key are spread at random, as are all without a key.
 */
@final
export class Bucketing {
  constructor(
    readonly key: BucketKey,
    /** Name of the header or cookie. */
    readonly name: Text,
    /** Rules of different seeds divide clients independently of each other. */
    readonly seed: u64,
  ) {}

  /** A bucket anew for each request. */
  static random(): Bucketing {
    return new Bucketing(BucketKey.Random, Text.from(Bytes.empty()), 0);
  }

  /** From 0 to {@link BUCKETS} - 1. */
  bucketOf<R>(request: R): u32 {
    const key = this.keyOf(request);
    return key == null ? request.randomBelow(BUCKETS) : <u32>(xxHash64(key, this.seed) % <u64>BUCKETS);
  }

  private keyOf<R>(request: R): Bytes | null {
    switch (this.key) {
      case BucketKey.Header:
        return request.headers.get(this.name.bytes);
      case BucketKey.Cookie:
        return request.cookie(this.name.bytes);
      case BucketKey.SourceAddress:
        return request.sourceIp;
      default:
        return null;
    }
  }
}
