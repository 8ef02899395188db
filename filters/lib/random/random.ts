/**
 * xoshiro256** (Blackman and Vigna, https://prng.di.unimi.it/xoshiro256starstar.c), seeded by splitmix64 as its authors advise. For dividing
 * traffic; who sees enough of its output can tell the rest.
 */
@final
export class Random {
  private a: u64 = 0;
  private b: u64 = 0;
  private c: u64 = 0;
  private d: u64 = 0;
  private seedState: u64;

  constructor(seed: u64) {
    this.seedState = seed;
    this.a = this.splitMix();
    this.b = this.splitMix();
    this.c = this.splitMix();
    this.d = this.splitMix();
  }

  /** 64 bits. */
  next(): u64 {
    const result = rotl(this.b * 5, 7) * 9;
    const shifted = this.b << 17;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = rotl(this.d, 45);
    return result;
  }

  /** A number from 0 up to, not including, `bound`, each as likely as the other (Lemire's method with rejection). `bound` 0 gives 0. */
  below(bound: u32): u32 {
    let product = (this.next() >> 32) * <u64>bound;
    let low = <u32>product;
    if (low < bound) {
      const threshold: u32 = (0 - bound) % bound;
      while (low < threshold) {
        product = (this.next() >> 32) * <u64>bound;
        low = <u32>product;
      }
    }
    return <u32>(product >> 32);
  }

  private splitMix(): u64 {
    this.seedState += 0x9e37_79b9_7f4a_7c15;
    let mixed = this.seedState;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58_476d_1ce4_e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d0_49bb_1331_11eb;
    return mixed ^ (mixed >> 31);
  }
}
