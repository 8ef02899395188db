import { arena, Bytes } from "../bytes";
import { xxHash64 } from "../hash";

/** Stands for no value: another than any value, the empty one too. */
const GAP: u64 = 0x27d4_eb2f_1656_67c5;

/**
 * Which bucket: 128 bits that stand for a list of values of any length, so that a bucket takes the same memory whatever a client sends. Each value is hashed
 * with the hash of those before it as its seed, so that `ab`, `c` differs from `a`, `bc`. The first seeds must be secret, else a client could look for
 * values that meet in one bucket. Lives in the arena.
 */
@unmanaged
@final
export class BucketKey {
  one: u64;
  two: u64;

  static begin(one: u64, two: u64): BucketKey {
    const key = changetype<BucketKey>(arena.allocate(offsetof<BucketKey>()));
    key.one = one;
    key.two = two;
    return key;
  }

  add(value: Bytes): void {
    this.one = xxHash64(value, this.one);
    this.two = xxHash64(value, this.two);
  }

  /** For a value that is not there, and behind a list whose length the key must tell. */
  addGap(): void {
    this.one = rotl(this.one, 29) ^ GAP;
    this.two = rotl(this.two, 31) + GAP;
  }
}
