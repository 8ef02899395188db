import { arena, Bytes } from "../bytes";
import { digestOf } from "../sha2";
import { Curve, Group, groupOf } from "./curve";

/** A public key of ECDSA that verifies signatures (FIPS 186-5, section 6.4.2). Made at configuration time; a verification allocates
 * only arena, and the first one costs some more. */
@final
export class EcdsaPublicKey {
  private constructor(
    private readonly group: Group,
    /** Multiples of the point. */
    private readonly table: StaticArray<u8>,
  ) {}

  /**
   * The coordinates are big-endian and of the curve's full length: 32, 48 or 66 bytes (RFC 7518, section 6.2.1.2). `null` where they are not, where
   * one is not below p, or where the point is not on the curve.
   */
  static of(curve: Curve, x: Bytes, y: Bytes): EcdsaPublicKey | null {
    const group = groupOf(curve);
    if (x.length != group.length || y.length != group.length) return null;
    const field = group.field;
    const point = arena.allocate(2 * field.size);
    readNumber(point, x, field.size);
    readNumber(point + field.size, y, field.size);
    if (!field.contains(point) || !field.contains(point + field.size)) return null;
    field.enter(point, point);
    field.enter(point + field.size, point + field.size);
    if (!group.contains(point)) return null;
    return new EcdsaPublicKey(group, group.tableOf(point));
  }

  /**
   * Whether `signature`, r and s in full length one after the other (RFC 7518, section 3.4), is this key's of `message`, hashed as the curve says.
   * r and s of 0, or not below the order, are refused (CVE-2022-21449).
   */
  verify(message: Bytes, signature: Bytes): bool {
    const group = this.group;
    const order = group.order;
    const field = group.field;
    const size = order.size;
    if (signature.length != 2 * group.length) return false;
    const r = arena.allocate(size);
    const s = arena.allocate(size);
    readNumber(r, signature.slice(0, group.length), size);
    readNumber(s, signature.slice(group.length), size);
    if (order.isZero(r) || order.isZero(s) || !order.contains(r) || !order.contains(s)) return false;

    // 1/s = s^(n-2). No order of ours ends in 0 or 1, so that nothing is borrowed.
    const exponent = arena.allocate(size);
    order.copy(exponent, order.pointer);
    store<u32>(exponent, load<u32>(exponent) - 2);
    const inverse = arena.allocate(size);
    order.enter(s, s);
    order.power(inverse, s, exponent, order.limbs);

    // The digest has no more bits than the order, so that all of it counts. A product with what is in Montgomery's form is out of it.
    const digest = arena.allocate(size);
    readNumber(digest, digestOf(group.hash, message), size);
    order.multiply(digest, digest, inverse);
    order.multiply(inverse, r, inverse);
    const sum = arena.allocate(3 * size);
    group.combine(sum, digest, inverse, this.table);

    // x mod n = r, without a division: X = r·Z², or (r + n)·Z² where that is still below p.
    const z = sum + 2 * size;
    if (field.isZero(z)) return false;
    field.multiply(z, z, z);
    if (hasX(group, sum, r)) return true;
    let carry: u64 = 0;
    for (let at: usize = 0; at < size; at += 4) {
      carry += <u64>load<u32>(r + at) + <u64>load<u32>(order.pointer + at);
      store<u32>(r + at, <u32>carry);
      carry >>= 32;
    }
    return carry == 0 && field.contains(r) && hasX(group, sum, r);
  }
}

/** Whether X is x·Z², of a sum with Z² in Z's place. */
function hasX(group: Group, sum: usize, x: usize): bool {
  const field = group.field;
  if (!field.contains(x)) return false;
  const product = arena.allocate(field.size);
  field.enter(product, x);
  field.multiply(product, product, sum + 2 * field.size);
  return field.equals(product, sum);
}

/** Big-endian bytes as little-endian ones, with zeros up to `size`. */
function readNumber(out: usize, bytes: Bytes, size: usize): void {
  memory.fill(out, 0, size);
  for (let i = 0; i < bytes.length; i++) store<u8>(out + <usize>i, bytes[bytes.length - 1 - i]);
}
