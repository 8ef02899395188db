import { sameBytes } from "../bytes";

/** Limbs of the largest modulus: 8,192 bits. */
const LIMB_LIMIT: i32 = 256;

/** The running sum of a multiplication: two limbs more than the modulus. One for all, since a multiplication is never left half done. */
const SUM: usize = memory.data(1032, 8);

/**
 * Arithmetic modulo an odd number of up to 8,192 bits, on numbers of as many 32-bit limbs as the modulus has, least significant first. Numbers are
 * given by their place in memory, and are less than the modulus unless said otherwise. Products are Montgomery's (CIOS in Koç, Acar and
 * Kaliski, "Analyzing and Comparing Montgomery Multiplication Algorithms", 1996): `multiply` gives a·b/R with R = 2^(32·limbs), so that what is to
 * be multiplied often is brought into Montgomery's form (a·R) first.
 *
 * Takes as long as the numbers want: for public values only.
 */
@final
export class Modulus {
  /** The modulus itself. */
  readonly pointer: usize;
  /** 1 in Montgomery's form: R mod n. */
  readonly one: usize;
  /** R² mod n, which brings numbers into that form. */
  private readonly square: usize;
  private hasSquare: bool = false;
  /** -1/n mod 2^32. */
  private readonly inverse: u32;
  private readonly memory: StaticArray<u32>;

  /** `limbs` of the modulus at `source`: odd, greater than 1, the highest limb not zero, at most 256. The limbs are copied. */
  constructor(
    source: usize,
    readonly limbs: i32,
  ) {
    if (limbs < 1 || limbs > LIMB_LIMIT) unreachable();
    this.memory = new StaticArray<u32>(3 * limbs);
    const size = this.size;
    this.pointer = changetype<usize>(this.memory);
    this.one = this.pointer + size;
    this.square = this.one + size;
    memory.copy(this.pointer, source, size);
    // Newton: each step doubles the bits that are right, beginning with three.
    const lowest = load<u32>(this.pointer);
    let inverse = lowest;
    for (let i = 0; i < 4; i++) inverse *= 2 - lowest * inverse;
    this.inverse = 0 - inverse;
    this.findOne();
  }

  /** Bytes of a number. */
  get size(): usize {
    return (<usize>this.limbs) << 2;
  }

  /** R mod n by doubling, beginning below n with its highest bit. */
  private findOne(): void {
    const highest = this.limbs - 1;
    const bit = 31 - <i32>clz(load<u32>(this.pointer + ((<usize>highest) << 2)));
    store<u32>(this.one + ((<usize>highest) << 2), (<u32>1) << (<u32>bit));
    for (let i = bit; i < 32; i++) this.add(this.one, this.one, this.one);
  }

  /** R² mod n, which is 2^(32·limbs) in Montgomery's form, by squaring and doubling. When it is first wanted: most keys of a key set are never used. */
  private findSquare(): void {
    this.hasSquare = true;
    const exponent = 32 * this.limbs;
    this.add(this.square, this.one, this.one);
    for (let left = 30 - <i32>clz(exponent); left >= 0; left--) {
      this.multiply(this.square, this.square, this.square);
      if (((exponent >> left) & 1) != 0) this.add(this.square, this.square, this.square);
    }
  }

  /** Whether the number is less than the modulus. */
  contains(number: usize): bool {
    for (let at = this.size; at > 0;) {
      at -= 4;
      const left = load<u32>(number + at);
      const right = load<u32>(this.pointer + at);
      if (left != right) return left < right;
    }
    return false;
  }

  isZero(number: usize): bool {
    let bits: u32 = 0;
    for (let at: usize = 0; at < this.size; at += 4) bits |= load<u32>(number + at);
    return bits == 0;
  }

  equals(left: usize, right: usize): bool {
    return sameBytes(left, right, this.size);
  }

  copy(out: usize, from: usize): void {
    memory.copy(out, from, this.size);
  }

  /** a + b. `out` may be either of them. */
  add(out: usize, a: usize, b: usize): void {
    const size = this.size;
    let carry: u64 = 0;
    for (let at: usize = 0; at < size; at += 4) {
      carry += <u64>load<u32>(a + at) + <u64>load<u32>(b + at);
      store<u32>(out + at, <u32>carry);
      carry >>= 32;
    }
    if (carry != 0 || !this.contains(out)) this.takeModulus(out, out);
  }

  /** a - b. `out` may be either of them. */
  subtract(out: usize, a: usize, b: usize): void {
    const size = this.size;
    let borrow: i64 = 0;
    for (let at: usize = 0; at < size; at += 4) {
      borrow += <i64>load<u32>(a + at) - <i64>load<u32>(b + at);
      store<u32>(out + at, <u32>borrow);
      borrow >>= 32;
    }
    if (borrow == 0) return;
    let carry: u64 = 0;
    for (let at: usize = 0; at < size; at += 4) {
      carry += <u64>load<u32>(out + at) + <u64>load<u32>(this.pointer + at);
      store<u32>(out + at, <u32>carry);
      carry >>= 32;
    }
  }

  /** out = from - n, without a look at what is borrowed beyond the highest limb. */
  private takeModulus(out: usize, from: usize): void {
    let borrow: i64 = 0;
    for (let at: usize = 0; at < this.size; at += 4) {
      borrow += <i64>load<u32>(from + at) - <i64>load<u32>(this.pointer + at);
      store<u32>(out + at, <u32>borrow);
      borrow >>= 32;
    }
  }

  /** a·b/R. `a` may be any number of as many limbs. `out` may be either of them. */
  multiply(out: usize, a: usize, b: usize): void {
    const size = this.size;
    const modulus = this.pointer;
    const inverse = this.inverse;
    memory.fill(SUM, 0, size + 8);
    for (let i: usize = 0; i < size; i += 4) {
      const factor = <u64>load<u32>(a + i);
      let carry: u64 = 0;
      for (let j: usize = 0; j < size; j += 4) {
        carry += <u64>load<u32>(SUM + j) + factor * <u64>load<u32>(b + j);
        store<u32>(SUM + j, <u32>carry);
        carry >>= 32;
      }
      carry += <u64>load<u32>(SUM + size);
      store<u32>(SUM + size, <u32>carry);
      store<u32>(SUM + size + 4, <u32>(carry >> 32));

      // A multiple of the modulus makes the lowest limb zero, which then is dropped.
      const lowest: u32 = load<u32>(SUM);
      const quotient: u32 = lowest * inverse;
      const multiple = <u64>quotient;
      carry = (<u64>lowest + multiple * <u64>load<u32>(modulus)) >> 32;
      for (let j: usize = 4; j < size; j += 4) {
        carry += <u64>load<u32>(SUM + j) + multiple * <u64>load<u32>(modulus + j);
        store<u32>(SUM + j - 4, <u32>carry);
        carry >>= 32;
      }
      carry += <u64>load<u32>(SUM + size);
      store<u32>(SUM + size - 4, <u32>carry);
      store<u32>(SUM + size, load<u32>(SUM + size + 4) + <u32>(carry >> 32));
    }
    if (load<u32>(SUM + size) != 0 || !this.contains(SUM)) this.takeModulus(out, SUM);
    else memory.copy(out, SUM, size);
  }

  /** Into Montgomery's form. `from` may be any number of as many limbs. */
  enter(out: usize, from: usize): void {
    if (!this.hasSquare) this.findSquare();
    this.multiply(out, from, this.square);
  }

  /** Out of it. */
  leave(out: usize, from: usize): void {
    const unit = changetype<usize>(UNIT);
    this.multiply(out, from, unit);
  }

  /** base^exponent, both sides in Montgomery's form; the exponent has `exponentLimbs` limbs. `out` is none of them. */
  power(out: usize, base: usize, exponent: usize, exponentLimbs: i32): void {
    this.copy(out, this.one);
    let begun = false;
    for (let limb = exponentLimbs - 1; limb >= 0; limb--) {
      const bits = load<u32>(exponent + ((<usize>limb) << 2));
      for (let bit = 31; bit >= 0; bit--) {
        if (begun) this.multiply(out, out, out);
        if (((bits >> bit) & 1) == 0) continue;
        this.multiply(out, out, base);
        begun = true;
      }
    }
  }
}

/** 1, with as many zeros behind it as the largest modulus wants. */
const UNIT: StaticArray<u32> = unit();

function unit(): StaticArray<u32> {
  const limbs = new StaticArray<u32>(LIMB_LIMIT);
  unchecked((limbs[0] = 1));
  return limbs;
}
