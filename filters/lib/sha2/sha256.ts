import { arena, Bytes } from "../bytes";

/** Bytes of a digest. */
export const SHA256_LENGTH: i32 = 32;
const BLOCK: usize = 64;

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, section 4.2.2). */
const CONSTANTS: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
  0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
  0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
  0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
  0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
  0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

/** The message schedule of the block at work: W of FIPS 180-4, section 6.2.2. One for all, since a block is never left half done. */
const SCHEDULE: usize = memory.data(256, 16);

/** Bytes that {@link Sha256.at} needs. */
export const SHA256_STATE_SIZE: usize = 104;

/** The SHA-256 of `bytes`: {@link SHA256_LENGTH} bytes in the arena. */
export function sha256(bytes: Bytes): Bytes {
  const hash = Sha256.create();
  hash.update(bytes);
  return hash.digest();
}

/**
 * SHA-256 (FIPS 180-4) of bytes that come in parts, such as a body.
 *
 * ```
 *   0            32       40                          104
 *   +------------+--------+---------------------------+
 *   | a b ... h  | length | start of a block, if any  |
 *   +------------+--------+---------------------------+
 * ```
 */
@unmanaged
@final
export class Sha256 {
  private a: u32;
  private b: u32;
  private c: u32;
  private d: u32;
  private e: u32;
  private f: u32;
  private g: u32;
  private h: u32;
  /** Of everything so far, in bytes. */
  private length: u64;

  /** A hash of nothing yet, in the arena: it ends with the callback. */
  static create(): Sha256 {
    return Sha256.at(arena.allocate(SHA256_STATE_SIZE));
  }

  /** The same in {@link SHA256_STATE_SIZE} bytes of the caller's, aligned to 8, where it may outlive the callback. */
  static at(pointer: usize): Sha256 {
    const hash = changetype<Sha256>(pointer);
    hash.start();
    return hash;
  }

  /** Forgets everything. */
  start(): void {
    this.a = 0x6a09_e667;
    this.b = 0xbb67_ae85;
    this.c = 0x3c6e_f372;
    this.d = 0xa54f_f53a;
    this.e = 0x510e_527f;
    this.f = 0x9b05_688c;
    this.g = 0x1f83_d9ab;
    this.h = 0x5be0_cd19;
    this.length = 0;
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

  /** The digest, {@link SHA256_LENGTH} bytes in the arena. The hash is used up: only {@link start} may follow. */
  digest(): Bytes {
    const output = arena.allocate(<usize>SHA256_LENGTH);
    this.digestTo(output);
    return Bytes.view(output, SHA256_LENGTH);
  }

  /** The same, into {@link SHA256_LENGTH} bytes at `output`. */
  digestTo(output: usize): void {
    this.pad();
    store<u32>(output, bswap(this.a));
    store<u32>(output, bswap(this.b), 4);
    store<u32>(output, bswap(this.c), 8);
    store<u32>(output, bswap(this.d), 12);
    store<u32>(output, bswap(this.e), 16);
    store<u32>(output, bswap(this.f), 20);
    store<u32>(output, bswap(this.g), 24);
    store<u32>(output, bswap(this.h), 28);
  }

  /** FIPS 180-4, section 5.1.1: a bit, zeros, and the length in bits, which fill the last block. */
  private pad(): void {
    const block = this.block;
    let filled = (<usize>this.length) & (BLOCK - 1);
    store<u8>(block + filled, 0x80);
    filled++;
    if (filled > BLOCK - 8) {
      memory.fill(block + filled, 0, BLOCK - filled);
      this.compress(block);
      filled = 0;
    }
    memory.fill(block + filled, 0, BLOCK - 8 - filled);
    store<u64>(block, bswap(this.length << 3), 56);
    this.compress(block);
  }


  @inline
  private get block(): usize {
    return changetype<usize>(this) + offsetof<Sha256>();
  }

  /** Takes in the 64 bytes at `input` (FIPS 180-4, section 6.2.2). */
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
    for (const end = word + 256; word < end; word += 4) {
      const t = h + sum1(e) + choose(e, f, g) + load<u32>(constant) + load<u32>(word);
      const u = sum0(a) + majority(a, b, c);
      h = g;
      g = f;
      f = e;
      e = d + t;
      d = c;
      c = b;
      b = a;
      a = t + u;
      constant += 4;
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
  for (let i: usize = 0; i < BLOCK; i += 8) {
    // Two words at a time: swapping the eight bytes swaps the two words as well.
    store<u64>(SCHEDULE + i, rotl(bswap(load<u64>(input + i)), 32));
  }
  const end = SCHEDULE + 256;
  for (let at = SCHEDULE + BLOCK; at < end; at += 4) {
    const early = load<u32>(at - 60);
    const late = load<u32>(at - 8);
    const sigma0 = rotr(early, 7) ^ rotr(early, 18) ^ (early >> 3);
    const sigma1 = rotr(late, 17) ^ rotr(late, 19) ^ (late >> 10);
    store<u32>(at, sigma1 + load<u32>(at - 28) + sigma0 + load<u32>(at - 64));
  }
}

// @ts-ignore: decorator
@inline
function sum0(x: u32): u32 {
  return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22);
}

// @ts-ignore: decorator
@inline
function sum1(x: u32): u32 {
  return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25);
}

/** The bits of `y` where those of `x` are set, else of `z`. */
// @ts-ignore: decorator
@inline
function choose(x: u32, y: u32, z: u32): u32 {
  return z ^ (x & (y ^ z));
}

// @ts-ignore: decorator
@inline
function majority(x: u32, y: u32, z: u32): u32 {
  return (x & y) | (z & (x | y));
}
