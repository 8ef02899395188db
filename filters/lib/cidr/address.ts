import { arena, Bytes } from "../bytes";

const DOT: u8 = 0x2e;
const COLON: u8 = 0x3a;

export const IPV4: i32 = 4;
export const IPV6: i32 = 6;

/**
 * An IP address as a 128-bit number in 24 bytes of arena. An IPv4 address stands in the lowest 32 bits of {@link low}; two addresses are
 * only comparable within one {@link version}.
 *
 * ```
 *   0        8        16       20
 *   +--------+--------+--------+
 *   | high   | low    | version|
 *   +--------+--------+--------+
 * ```
 *
 * `::ffff:10.0.0.1` is an IPv6 address and in no IPv4 range, as in Envoy (`CidrRange::isInRange` compares versions first; so seen with
 * `remote_ip` and such an X-Forwarded-For in Envoy 1.40). Envoy itself turns the IPv4-mapped address of a connection on a dual-stack
 * listener into IPv4 before any filter sees it, so this concerns addresses out of headers and configuration only.
 */
@unmanaged
@final
export class Address {
  high: u64;
  low: u64;
  /** {@link IPV4} or {@link IPV6}. */
  version: i32;

  /**
   * Parses what `inet_pton` takes: four decimal numbers without leading zeros, or an IPv6 address of RFC 4291, section 2.2, also with
   * an IPv4 tail. No brackets, no port, no zone, no space. Null for all else.
   */
  static parse(text: Bytes): Address | null {
    const address = changetype<Address>(arena.allocate(offsetof<Address>()));
    return (text.indexOf(COLON) < 0 ? address.readIpv4(text) : address.readIpv6(text)) ? address : null;
  }

  /** The same version and the same bits. */
  equals(other: Address): bool {
    return this.version == other.version && this.high == other.high && this.low == other.low;
  }

  /** Whether the first `length` bits are those of `other`, an address of the same version. */
  hasPrefixOf(other: Address, length: i32): bool {
    if (this.version != other.version) return false;
    const bits = this.version == IPV4 ? length + 96 : length;
    return ((this.high ^ other.high) & highMask(bits)) == 0 && ((this.low ^ other.low) & lowMask(bits)) == 0;
  }

  private readIpv4(text: Bytes): bool {
    const value = parseIpv4(text, 0);
    if (value < 0) return false;
    this.high = 0;
    this.low = <u64>value;
    this.version = IPV4;
    return true;
  }

  private readIpv6(text: Bytes): bool {
    let high: u64 = 0;
    let low: u64 = 0;
    // Groups read, and the number of them before `::`, or -1.
    let groups = 0;
    let gap = -1;
    let i = 0;
    if (text[0] == COLON && (text.length < 2 || text[1] != COLON)) return false;
    while (i < text.length) {
      if (text[i] == COLON) {
        // A second colon in a row: `::`, once. At the very start both are read here.
        if (gap >= 0) return false;
        gap = groups;
        i += i == 0 ? 2 : 1;
        continue;
      }
      const digits = hexadecimalDigits(text, i);
      const end = i + digits;
      if (end < text.length && text[end] == DOT) {
        const tail = parseIpv4(text, i);
        if (tail < 0 || groups > 6) return false;
        high = (high << 32) | (low >> 32);
        low = (low << 32) | (<u64>tail);
        groups += 2;
        break;
      }
      if (digits == 0 || digits > 4 || groups == 8) return false;
      high = (high << 16) | (low >> 48);
      low = (low << 16) | (<u64>hexadecimalNumber(text, i, end));
      groups++;
      if (end == text.length) break;
      // A group is followed by a colon, and a colon by a group or a second colon.
      if (text[end] != COLON || end + 1 == text.length) return false;
      i = end + 1;
    }
    if (gap < 0 ? groups != 8 : groups > 7) return false;
    this.spread(high, low, gap < 0 ? 0 : groups - gap, 8 - groups);
    return true;
  }

  /** Moves all but the last `tail` groups of the number up by `missing` groups, for the zeros that `::` stands for. */
  private spread(high: u64, low: u64, tail: i32, missing: i32): void {
    const tailBits = 128 - tail * 16;
    const tailHigh = high & ~highMask(tailBits);
    const tailLow = low & ~lowMask(tailBits);
    const shift = <u64>missing * 16;
    this.high = tailHigh | shiftedHigh(high ^ tailHigh, low ^ tailLow, shift);
    this.low = tailLow | shiftedLow(low ^ tailLow, shift);
    this.version = IPV6;
  }
}

/** The mask of the upper half of a 128-bit number whose first `bits` bits are set. */
export function highMask(bits: i32): u64 {
  return bits <= 0 ? 0 : bits >= 64 ? u64.MAX_VALUE : ~(u64.MAX_VALUE >> (<u64>bits));
}

/** The mask of the lower half. */
export function lowMask(bits: i32): u64 {
  return highMask(bits - 64);
}

function shiftedHigh(high: u64, low: u64, shift: u64): u64 {
  if (shift == 0) return high;
  if (shift >= 64) return shift == 128 ? 0 : low << (shift - 64);
  return (high << shift) | (low >> (64 - shift));
}

function shiftedLow(low: u64, shift: u64): u64 {
  return shift >= 64 ? 0 : low << shift;
}

/** Four decimal numbers from `start` to the end of `text`, or -1. */
function parseIpv4(text: Bytes, start: i32): i64 {
  let value: u64 = 0;
  let octets = 0;
  let i = start;
  while (true) {
    let octet: u32 = 0;
    const first = i;
    for (; i < text.length; i++) {
      const digit = <u8>(text[i] - 0x30);
      if (digit > 9 || i - first == 3) break;
      octet = octet * 10 + digit;
    }
    const digits = i - first;
    // `010` is 8 for some parsers and 10 for others.
    if (digits == 0 || octet > 255 || (digits > 1 && text[first] == 0x30)) return -1;
    value = (value << 8) | (<u64>octet);
    octets++;
    if (octets == 4) return i == text.length ? <i64>value : -1;
    if (i == text.length || text[i] != DOT) return -1;
    i++;
  }
}

/** How many hexadecimal digits stand at `start`. */
function hexadecimalDigits(text: Bytes, start: i32): i32 {
  let i = start;
  while (i < text.length && isHexadecimal(text[i])) i++;
  return i - start;
}

function hexadecimalNumber(text: Bytes, start: i32, end: i32): u32 {
  let value: u32 = 0;
  for (let i = start; i < end; i++) {
    const byte = text[i];
    value = (value << 4) | (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x61 + 10);
  }
  return value;
}

function isHexadecimal(byte: u8): bool {
  return <u8>(byte - 0x30) < 10 || <u8>((byte | 0x20) - 0x61) < 6;
}
