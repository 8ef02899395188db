import { arena, Bytes, sameBytes } from "../bytes";
import { digestOf, Hash } from "../sha2";
import { order, SIZE } from "./field";
import { add, cache, decode, double, encode, negate, POINT_SIZE, setNeutral } from "./point";

/** Bytes of a public key and of a signature. */
export const ED25519_KEY_LENGTH: i32 = 32;
export const ED25519_SIGNATURE_LENGTH: i32 = 64;

/** Multiples 0 to 15 of a point, for scalars that are read four bits at a time. */
const TABLE_SIZE: usize = 16 * POINT_SIZE;

/** The base point's: y = 4/5, x positive (RFC 8032, section 5.1). */
const BASE: usize = tableOfBase();

/** A public key of Ed25519 that verifies signatures (RFC 8032, section 5.1.7, without the cofactor, as OpenSSL and BoringSSL do). */
@final
export class Ed25519PublicKey {
  private constructor(
    private readonly encoded: StaticArray<u8>,
    /** Multiples of the point's negative. */
    private readonly table: StaticArray<u8>,
  ) {}

  /** `x` as RFC 8037 gives it: 32 bytes. `null` where they are no point of the curve. Costs about as much as a verification. */
  static of(x: Bytes): Ed25519PublicKey | null {
    if (x.length != ED25519_KEY_LENGTH) return null;
    const encoded = new StaticArray<u8>(ED25519_KEY_LENGTH);
    memory.copy(changetype<usize>(encoded), x.pointer, <usize>ED25519_KEY_LENGTH);
    const point = arena.allocate(POINT_SIZE);
    if (!decode(point, x.pointer)) return null;
    negate(point);
    const table = new StaticArray<u8>(<i32>TABLE_SIZE);
    fillTable(changetype<usize>(table), point);
    return new Ed25519PublicKey(encoded, table);
  }

  /** Whether `signature`, R and S, is this key's of `message`: S·B = R + k·A, with S below the order, so that no second signature means the same. */
  verify(message: Bytes, signature: Bytes): bool {
    if (signature.length != ED25519_SIGNATURE_LENGTH) return false;
    const scalar = arena.allocate(SIZE);
    memory.copy(scalar, signature.pointer + SIZE, SIZE);
    if (!order.contains(scalar)) return false;
    const key = Bytes.view(changetype<usize>(this.encoded), ED25519_KEY_LENGTH);
    const challenge = reduced(digestOf(Hash.Sha512, signature.slice(0, 32), key, message));

    const sum = arena.allocate(POINT_SIZE);
    setNeutral(sum);
    const table = changetype<usize>(this.table);
    for (let nibble = 63; nibble >= 0; nibble--) {
      if (nibble < 63) {
        for (let i = 0; i < 4; i++) double(sum, sum);
      }
      addMultiple(sum, BASE, nibbleOf(scalar, nibble));
      addMultiple(sum, table, nibbleOf(challenge, nibble));
    }
    const expected = arena.allocate(SIZE);
    encode(expected, sum);
    return sameBytes(expected, signature.pointer, SIZE);
  }
}

function nibbleOf(scalar: usize, index: i32): usize {
  return (load<u8>(scalar + <usize>(index >> 1)) >> (<u8>((index & 1) << 2))) & 15;
}

function addMultiple(sum: usize, table: usize, multiple: usize): void {
  if (multiple != 0) add(sum, sum, table + multiple * POINT_SIZE);
}

/** 512 bits modulo the order: the upper half weighs 2^256, which is what entering Montgomery's form multiplies by. */
function reduced(digest: Bytes): usize {
  const low = arena.allocate(SIZE);
  const high = arena.allocate(SIZE);
  order.enter(low, digest.pointer);
  order.leave(low, low);
  order.enter(high, digest.pointer + SIZE);
  order.add(low, low, high);
  return low;
}

/** Multiples of `point` from 1 on, cached; 0 is never looked at. */
function fillTable(table: usize, point: usize): void {
  const sum = arena.allocate(POINT_SIZE);
  const first = table + POINT_SIZE;
  memory.copy(first, point, POINT_SIZE);
  cache(first);
  memory.copy(sum, point, POINT_SIZE);
  for (let i: usize = 2; i < 16; i++) {
    add(sum, sum, first);
    memory.copy(table + i * POINT_SIZE, sum, POINT_SIZE);
    cache(table + i * POINT_SIZE);
  }
}

function tableOfBase(): usize {
  const table = memory.data(2048, 8);
  const encoded = memory.data<u32>([
    0x6666_6658, 0x6666_6666, 0x6666_6666, 0x6666_6666, 0x6666_6666, 0x6666_6666, 0x6666_6666, 0x6666_6666,
  ]);
  const point = arena.allocate(POINT_SIZE);
  decode(point, encoded);
  fillTable(table, point);
  return table;
}
