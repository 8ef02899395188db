import { arena, Bytes } from "../bytes";
import { Address, highMask, IPV4, lowMask } from "./address";

/**
 * A CIDR range, or one address: `10.0.0.0/8`, `2001:db8::/32`, `10.1.2.3`. Bits behind the prefix are cleared, as Envoy does, so
 * `10.1.2.3/8` is `10.0.0.0/8`. It lives in the arena; ranges that outlive a callback go into a {@link RangeSet}.
 */
@unmanaged
@final
export class Range {
  /** The first address. */
  address: Address;
  /** 0 to 32 for IPv4, 0 to 128 for IPv6. */
  prefixLength: i32;

  /** Null where the address or the prefix length is not well formed. The length is decimal, without sign and leading zeros. */
  static parse(text: Bytes): Range | null {
    const slash = text.indexOf(0x2f);
    const address = Address.parse(slash < 0 ? text : text.slice(0, slash));
    if (address == null) return null;
    const bits = address.version == IPV4 ? 32 : 128;
    const length = slash < 0 ? bits : parseLength(text, slash + 1);
    if (length < 0 || length > bits) return null;
    const range = changetype<Range>(arena.allocate(offsetof<Range>()));
    const significant = length + 128 - bits;
    address.high &= highMask(significant);
    address.low &= lowMask(significant);
    range.address = address;
    range.prefixLength = length;
    return range;
  }

  /** Whether `address` lies in this range; never true for another IP version. */
  contains(address: Address): bool {
    return address.hasPrefixOf(this.address, this.prefixLength);
  }
}

function parseLength(text: Bytes, start: i32): i32 {
  const digits = text.length - start;
  if (digits < 1 || digits > 3 || (digits > 1 && text[start] == 0x30)) return -1;
  let length = 0;
  for (let i = start; i < text.length; i++) {
    const digit = <u8>(text[i] - 0x30);
    if (digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
