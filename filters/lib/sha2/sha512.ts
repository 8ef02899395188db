import { arena, Bytes } from "../bytes";

/** Bytes of a SHA-512 digest, and of a SHA-384 digest. */
export const SHA512_LENGTH: i32 = 64;
export const SHA384_LENGTH: i32 = 48;
const BLOCK: usize = 128;

/** The first 64 bits of the fractional parts of the cube roots of the first 80 primes (FIPS 180-4, section 4.2.3). */
const CONSTANTS: usize = memory.data<u64>([
  0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538, 0x59f111f1b605d019,
  0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
  0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3,
  0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65, 0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
  0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
  0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
  0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b, 0xa2bfe8a14cf10364, 0xa81a664bbc423001,
  0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
  0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb,
  0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
  0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c, 0xd186b8c721c0c207,
  0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
  0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a,
  0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
]);

/** The message schedule of the block at work: W of FIPS 180-4, section 6.4.2. One for all, since a block is never left half done. */
const SCHEDULE: usize = memory.data(640, 16);

/** Bytes that {@link Sha512.at} needs. */
export const SHA512_STATE_SIZE: usize = 208;

/**
 * SHA-512 and SHA-384 (FIPS 180-4, sections 6.4 and 6.5) of bytes that come in parts. They differ in where they start and in how much of the
 * state is the digest.
 *
 * ```
 *   0            64       72       80                        208
 *   +------------+--------+--------+--------------------------+
 *   | a b ... h  | length | size   | start of a block, if any |
 *   +------------+--------+--------+--------------------------+
 * ```
 */
@unmanaged
@final
export class Sha512 {
  private a: u64;
  private b: u64;
  private c: u64;
  private d: u64;
  private e: u64;
  private f: u64;
  private g: u64;
  private h: u64;
  /** Of everything so far, in bytes. */
  private length: u64;
  /** Of the digest, in bytes. */
  private digestLength: u64;

  /** A SHA-512 of nothing yet, in the arena: it ends with the callback. */
  static create(): Sha512 {
    return Sha512.at(arena.allocate(SHA512_STATE_SIZE));
  }

  /** The same in {@link SHA512_STATE_SIZE} bytes of the caller's, aligned to 8, where it may outlive the callback. */
  static at(pointer: usize): Sha512 {
    const hash = changetype<Sha512>(pointer);
    hash.start();
    return hash;
  }

  /** Forgets everything, and goes on as SHA-512. */
  start(): void {
    this.a = 0x6a09_e667_f3bc_c908;
    this.b = 0xbb67_ae85_84ca_a73b;
    this.c = 0x3c6e_f372_fe94_f82b;
    this.d = 0xa54f_f53a_5f1d_36f1;
    this.e = 0x510e_527f_ade6_82d1;
    this.f = 0x9b05_688c_2b3e_6c1f;
    this.g = 0x1f83_d9ab_fb41_bd6b;
    this.h = 0x5be0_cd19_137e_2179;
    this.length = 0;
    this.digestLength = SHA512_LENGTH;
  }

  /** Forgets everything, and goes on as SHA-384. */
  start384(): void {
    this.a = 0xcbbb_9d5d_c105_9ed8;
    this.b = 0x629a_292a_367c_d507;
    this.c = 0x9159_015a_3070_dd17;
    this.d = 0x152f_ecd8_f70e_5939;
    this.e = 0x6733_2667_ffc0_0b31;
    this.f = 0x8eb4_4a87_6858_1511;
    this.g = 0xdb0c_2e0d_64f9_8fa7;
    this.h = 0x47b5_481d_befa_4fa4;
    this.length = 0;
    this.digestLength = SHA384_LENGTH;
  }

  update(bytes: Bytes): void {
    let at = bytes.pointer;
    let left = <usize>bytes.length;
    const filled = (<usize>this.length) & (BLOCK - 1);
    this.length += <u64>left;
    if (filled > 0) {
      const taken = min(left, BLOCK - filled);
      memory.copy(this.block + filled, at, taken);
      at += taken;
      left -= taken;
      if (filled + taken < BLOCK) return;
      this.compress(this.block);
    }
    for (; left >= BLOCK; left -= BLOCK) {
      this.compress(at);
      at += BLOCK;
    }
    memory.copy(this.block, at, left);
  }

  /** The digest, in the arena. The hash is used up: only {@link start} or {@link start384} may follow. */
  digest(): Bytes {
    const output = arena.allocate(<usize>SHA512_LENGTH);
    this.digestTo(output);
    return Bytes.view(output, <i32>this.digestLength);
  }

  /** The same, into {@link SHA512_LENGTH} bytes at `output`, of which SHA-384 means the first {@link SHA384_LENGTH}. */
  digestTo(output: usize): void {
    this.pad();
    const state = changetype<usize>(this);
    for (let at: usize = 0; at < 64; at += 8) store<u64>(output + at, bswap(load<u64>(state + at)));
  }

  /** FIPS 180-4, section 5.1.2: a bit, zeros, and the length in bits as 128 bits, which fill the last block. */
  private pad(): void {
    const block = this.block;
    let filled = (<usize>this.length) & (BLOCK - 1);
    store<u8>(block + filled, 0x80);
    filled++;
    if (filled > BLOCK - 16) {
      memory.fill(block + filled, 0, BLOCK - filled);
      this.compress(block);
      filled = 0;
    }
    memory.fill(block + filled, 0, BLOCK - 8 - filled);
    store<u64>(block, bswap(this.length << 3), 120);
    this.compress(block);
  }


  @inline
  private get block(): usize {
    return changetype<usize>(this) + offsetof<Sha512>();
  }

  /** Takes in the 128 bytes at `input` (FIPS 180-4, section 6.4.2). */
  private compress(input: usize): void {
    schedule(input);
    let a = this.a;
    let b = this.b;
    let c = this.c;
    let d = this.d;
    let e = this.e;
    let f = this.f;
    let g = this.g;
    let h = this.h;
    let constant = CONSTANTS;
    let word = SCHEDULE;
    for (const end = word + 640; word < end; word += 8) {
      const t = h + sum1(e) + choose(e, f, g) + load<u64>(constant) + load<u64>(word);
      const u = sum0(a) + majority(a, b, c);
      h = g;
      g = f;
      f = e;
      e = d + t;
      d = c;
      c = b;
      b = a;
      a = t + u;
      constant += 8;
    }
    this.a += a;
    this.b += b;
    this.c += c;
    this.d += d;
    this.e += e;
    this.f += f;
    this.g += g;
    this.h += h;
  }
}

function schedule(input: usize): void {
  for (let i: usize = 0; i < BLOCK; i += 8) store<u64>(SCHEDULE + i, bswap(load<u64>(input + i)));
  const end = SCHEDULE + 640;
  for (let at = SCHEDULE + BLOCK; at < end; at += 8) {
    const early = load<u64>(at - 120);
    const late = load<u64>(at - 16);
    const sigma0 = rotr(early, 1) ^ rotr(early, 8) ^ (early >> 7);
    const sigma1 = rotr(late, 19) ^ rotr(late, 61) ^ (late >> 6);
    store<u64>(at, sigma1 + load<u64>(at - 56) + sigma0 + load<u64>(at - 128));
  }
}

// @ts-ignore: decorator
@inline
function sum0(x: u64): u64 {
  return rotr(x, 28) ^ rotr(x, 34) ^ rotr(x, 39);
}

// @ts-ignore: decorator
@inline
function sum1(x: u64): u64 {
  return rotr(x, 14) ^ rotr(x, 18) ^ rotr(x, 41);
}

/** The bits of `y` where those of `x` are set, else of `z`. */
// @ts-ignore: decorator
@inline
function choose(x: u64, y: u64, z: u64): u64 {
  return z ^ (x & (y ^ z));
}

// @ts-ignore: decorator
@inline
function majority(x: u64, y: u64, z: u64): u64 {
  return (x & y) | (z & (x | y));
}
