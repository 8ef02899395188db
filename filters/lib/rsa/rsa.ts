import { arena, Bytes, sameBytes } from "../bytes";
import { Modulus } from "../montgomery";
import { digestOf, Hash, hashLength } from "../sha2";

/** Bits of the smallest and the largest modulus. RFC 7518, section 3.3: at least 2,048. */
export const RSA_LEAST_BITS: i32 = 2_048;
export const RSA_MOST_BITS: i32 = 8_192;

/**
 * A public key of RSA that verifies signatures (RFC 8017). Made at configuration time; a verification allocates nothing but arena.
 */
@final
export class RsaPublicKey {
  private constructor(
    private readonly modulus: Modulus,
    private readonly exponent: u64,
    /** Of the modulus. */
    readonly bits: i32,
  ) {}

  /**
   * `modulus` and `exponent` are big-endian, without leading zeros (RFC 7518, section 6.3.1). `null` where the modulus is even, under 2,048 or over
   * 8,192 bits, or where the exponent is even, less than 3, or wider than 33 bits (with 1 anything would be its own signature).
   */
  static of(modulus: Bytes, exponent: Bytes): RsaPublicKey | null {
    if (modulus.length == 0 || modulus[0] == 0 || modulus.length > RSA_MOST_BITS / 8) return null;
    const bits = modulus.length * 8 - <i32>clz<u32>(modulus[0]) + 24;
    if (bits < RSA_LEAST_BITS || (modulus[modulus.length - 1] & 1) == 0) return null;
    if (exponent.length == 0 || exponent.length > 5 || exponent[0] == 0) return null;
    let value: u64 = 0;
    for (let i = 0; i < exponent.length; i++) value = (value << 8) | exponent[i];
    if (value < 3 || (value & 1) == 0 || value >= (<u64>1) << 33) return null;
    const limbs = (modulus.length + 3) >> 2;
    return new RsaPublicKey(new Modulus(littleEndian(modulus, limbs), limbs), value, bits);
  }

  /** RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2.2): the encoding is made anew and compared whole, not parsed (CVE-2006-4339). */
  verifyPkcs1(hash: Hash, message: Bytes, signature: Bytes): bool {
    const encoded = this.encodedMessage(signature);
    if (encoded == null) return false;
    const digest = digestOf(hash, message);
    const prefix = digestInfo(hash);
    // 00 01 ff ... ff 00 prefix digest. The shortest modulus has room for three times as much as the longest digest wants.
    const size = <usize>encoded.length;
    const expected = arena.allocate(size);
    memory.fill(expected, 0xff, size);
    store<u16>(expected, 0x0100);
    const end = expected + size - <usize>digest.length;
    memory.copy(end, digest.pointer, <usize>digest.length);
    memory.copy(end - <usize>prefix.length, prefix.pointer, <usize>prefix.length);
    store<u8>(end - <usize>prefix.length - 1, 0);
    return sameBytes(expected, encoded.pointer, size);
  }

  /** RSASSA-PSS (RFC 8017, sections 8.1.2 and 9.1.2) with MGF1 by the same hash and a salt as long as it (RFC 7518, section 3.5). */
  verifyPss(hash: Hash, message: Bytes, signature: Bytes): bool {
    const whole = this.encodedMessage(signature);
    if (whole == null) return false;
    // The encoding has one bit less than the modulus; where that begins a byte, the byte before it is zero.
    const spare = (this.bits - 1) & 7;
    let encoded = whole;
    if (spare == 0) {
      if (whole[0] != 0) return false;
      encoded = whole.slice(1);
    }
    const hashSize = hashLength(hash);
    const maskedSize = encoded.length - hashSize - 1;
    if (maskedSize < hashSize + 1 || encoded[encoded.length - 1] != 0xbc) return false;
    const masked = encoded.slice(0, maskedSize);
    const proof = encoded.slice(maskedSize, maskedSize + hashSize);
    const allowed: u8 = spare == 0 ? 0xff : 0xff >> (<u8>(8 - spare));
    if ((masked[0] & ~allowed) != 0) return false;
    unmask(hash, masked, proof);
    store<u8>(masked.pointer, masked[0] & allowed);
    const saltStart = maskedSize - hashSize;
    for (let i = 0; i < saltStart - 1; i++) {
      if (masked[i] != 0) return false;
    }
    if (masked[saltStart - 1] != 1) return false;
    const zeros = arena.allocate(8);
    store<u64>(zeros, 0);
    return digestOf(hash, Bytes.view(zeros, 8), digestOf(hash, message), masked.slice(saltStart)).equals(proof);
  }

  /** signature^e mod n as bytes of the modulus's length; `null` where it has another length or is no number less than the modulus. */
  private encodedMessage(signature: Bytes): Bytes | null {
    const modulus = this.modulus;
    const length = (this.bits + 7) >> 3;
    if (signature.length != length) return null;
    const number = littleEndian(signature, modulus.limbs);
    if (!modulus.contains(number)) return null;
    const result = arena.allocate(modulus.size);
    const exponent = arena.allocate(8);
    store<u64>(exponent, this.exponent);
    modulus.enter(number, number);
    modulus.power(result, number, exponent, 2);
    modulus.leave(result, result);
    const bytes = arena.allocate(<usize>length);
    for (let i = 0; i < length; i++) store<u8>(bytes + <usize>(length - 1 - i), load<u8>(result + <usize>i));
    return Bytes.view(bytes, length);
  }
}

/** Big-endian bytes as limbs, in the arena. */
function littleEndian(bytes: Bytes, limbs: i32): usize {
  const number = arena.allocate((<usize>limbs) << 2);
  memory.fill(number, 0, (<usize>limbs) << 2);
  for (let i = 0; i < bytes.length; i++) store<u8>(number + <usize>i, bytes[bytes.length - 1 - i]);
  return number;
}

/** Takes away the mask that MGF1 (RFC 8017, appendix B.2.1) makes of `seed`. */
function unmask(hash: Hash, masked: Bytes, seed: Bytes): void {
  const counter = arena.allocate(4);
  let at = 0;
  for (let i: u32 = 0; at < masked.length; i++) {
    store<u32>(counter, bswap(i));
    const mask = digestOf(hash, seed, Bytes.view(counter, 4));
    for (let j = 0; j < mask.length && at < masked.length; j++, at++) {
      const place = masked.pointer + <usize>at;
      store<u8>(place, load<u8>(place) ^ mask[j]);
    }
  }
}

/** The DER of DigestInfo before the digest (RFC 8017, section 9.2, note 1). The three differ in two bytes of lengths and one of the algorithm. */
const DIGEST_INFO: usize = memory.data<u8>([
  0x30, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x00, 0x05, 0x00, 0x04, 0x00,
]);

function digestInfo(hash: Hash): Bytes {
  const size = hashLength(hash);
  store<u8>(DIGEST_INFO, <u8>(17 + size), 1);
  store<u8>(DIGEST_INFO, <u8>(1 + <i32>hash), 14);
  store<u8>(DIGEST_INFO, <u8>size, 18);
  return Bytes.view(DIGEST_INFO, 19);
}
