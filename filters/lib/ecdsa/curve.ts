import { arena } from "../bytes";
import { Modulus } from "../montgomery";
import { Hash } from "../sha2";

/** The curves of JWA's ES256, ES384 and ES512 (RFC 7518, section 3.4). */
export const enum Curve {
  P256,
  P384,
  P521,
}

/** Multiples 0 to 15 of a point, for scalars that are read four bits at a time. */
const MULTIPLES: usize = 16;

/** Room for a number of P-521, and for the numbers at work in one formula. */
const ROOM: usize = 72;
const WORK: usize = memory.data(432, 8);
const A: usize = WORK;
const B: usize = WORK + ROOM;
const C: usize = WORK + 2 * ROOM;
const D: usize = WORK + 3 * ROOM;
const E: usize = WORK + 4 * ROOM;
const F: usize = WORK + 5 * ROOM;

/**
 * The points of y² = x³ - 3·x + b, of prime order. Numbers are in Montgomery's form. Sums are in Jacobian coordinates, which want no division, and
 * what is added to them often in affine ones:
 *
 * ```
 *   | X | Y | Z |   x = X/Z², y = Y/Z³; Z = 0 is the point at infinity
 *   | x | y |       never at infinity
 * ```
 *
 * Formulas: "dbl-2001-b" and "madd" of the Explicit-Formulas Database. Takes as long as the points want: for public values only.
 */
@final
export class Group {
  readonly field: Modulus;
  readonly order: Modulus;
  /** Multiples of the base point. */
  readonly base: StaticArray<u8>;
  private readonly b: StaticArray<u8>;

  /** `parameters`: p, n, b, x and y of G, little-endian, each of as many limbs. */
  constructor(
    parameters: usize,
    limbs: i32,
    /** Bytes of a coordinate or a scalar. */
    readonly length: i32,
    readonly hash: Hash,
  ) {
    const size = (<usize>limbs) << 2;
    this.field = new Modulus(parameters, limbs);
    this.order = new Modulus(parameters + size, limbs);
    this.b = new StaticArray<u8>(<i32>size);
    this.base = new StaticArray<u8>(<i32>(MULTIPLES * 2 * size));
    this.field.enter(changetype<usize>(this.b), parameters + 2 * size);
    const point = changetype<usize>(this.base) + 2 * size;
    this.field.enter(point, parameters + 3 * size);
    this.field.enter(point + size, parameters + 4 * size);
  }

  /** Whether the affine point is on the curve: without this check a key could be of another, weak curve. */
  contains(point: usize): bool {
    const field = this.field;
    const y = point + field.size;
    field.multiply(A, point, point);
    for (let i = 0; i < 3; i++) field.subtract(A, A, field.one);
    field.multiply(A, A, point);
    field.add(A, A, changetype<usize>(this.b));
    field.multiply(B, y, y);
    return field.equals(A, B);
  }

  /**
   * Room for the multiples of an affine point. They cost about fifteen verifications and are computed when they are first wanted: a host that verifies
   * by itself never wants them, and a key set of hundreds of keys would hold a worker for seconds.
   */
  tableOf(point: usize): StaticArray<u8> {
    const size = this.field.size;
    const table = new StaticArray<u8>(<i32>(MULTIPLES * 2 * size));
    memory.copy(changetype<usize>(table) + 2 * size, point, 2 * size);
    return table;
  }

  /** Computes the multiples from the first on, which is the point. In the place of 0, which is never looked at, stands whether they are there. */
  private fill(multiples: StaticArray<u8>): void {
    const table = changetype<usize>(multiples);
    if (load<u8>(table) != 0) return;
    store<u8>(table, 1);
    const size = this.field.size;
    const sum = arena.allocate(3 * size);
    memory.fill(sum, 0, 3 * size);
    for (let i: usize = 1; i < MULTIPLES; i++) {
      this.add(sum, table + 2 * size);
      this.toAffine(table + i * 2 * size, sum);
    }
  }

  /** Leaves out = a·G + b·Q in Jacobian coordinates, with the multiples of Q; both are plain numbers of as many limbs (Shamir's trick). */
  combine(out: usize, a: usize, b: usize, table: StaticArray<u8>): void {
    this.fill(this.base);
    this.fill(table);
    const size = this.field.size;
    memory.fill(out, 0, 3 * size);
    for (let nibble = ((<i32>size) << 1) - 1; nibble >= 0; nibble--) {
      for (let i = 0; i < 4; i++) this.double(out);
      this.addMultiple(out, this.base, nibbleOf(a, nibble));
      this.addMultiple(out, table, nibbleOf(b, nibble));
    }
  }

  private addMultiple(sum: usize, table: StaticArray<u8>, multiple: usize): void {
    if (multiple != 0) this.add(sum, changetype<usize>(table) + multiple * 2 * this.field.size);
  }

  private toAffine(out: usize, point: usize): void {
    const field = this.field;
    const exponent = arena.allocate(field.size);
    field.copy(exponent, field.pointer);
    // Fermat: z^(p-2). No p of ours ends in 0 or 1, so that nothing is borrowed.
    store<u32>(exponent, load<u32>(exponent) - 2);
    field.power(A, point + 2 * field.size, exponent, field.limbs);
    field.multiply(B, A, A);
    field.multiply(out, point, B);
    field.multiply(B, B, A);
    field.multiply(out + field.size, point + field.size, B);
  }

  /** point = 2·point. */
  double(point: usize): void {
    const field = this.field;
    const y = point + field.size;
    const z = y + field.size;
    if (field.isZero(z)) return;
    field.multiply(A, z, z);
    field.multiply(B, y, y);
    field.multiply(C, point, B);
    field.subtract(D, point, A);
    field.add(E, point, A);
    field.multiply(D, D, E);
    field.add(E, D, D);
    field.add(D, E, D);
    field.add(z, y, z);
    field.multiply(z, z, z);
    field.subtract(z, z, B);
    field.subtract(z, z, A);
    field.add(C, C, C);
    field.add(C, C, C);
    field.multiply(point, D, D);
    field.subtract(point, point, C);
    field.subtract(point, point, C);
    field.subtract(C, C, point);
    field.multiply(y, D, C);
    field.multiply(B, B, B);
    for (let i = 0; i < 3; i++) field.add(B, B, B);
    field.subtract(y, y, B);
  }

  /** point = point + affine, whichever they are. */
  add(point: usize, affine: usize): void {
    const field = this.field;
    const y = point + field.size;
    const z = y + field.size;
    if (field.isZero(z)) {
      memory.copy(point, affine, 2 * field.size);
      field.copy(z, field.one);
      return;
    }
    field.multiply(A, z, z);
    field.multiply(B, affine, A);
    field.multiply(A, A, z);
    field.multiply(C, affine + field.size, A);
    field.subtract(B, B, point);
    field.subtract(C, C, y);
    if (field.isZero(B)) {
      // The same point, or its negative: the formula would give 0 for both.
      if (field.isZero(C)) this.double(point);
      else memory.fill(z, 0, field.size);
      return;
    }
    field.multiply(z, z, B);
    field.multiply(D, B, B);
    field.multiply(E, B, D);
    field.multiply(D, point, D);
    field.multiply(F, C, C);
    field.subtract(F, F, E);
    field.subtract(F, F, D);
    field.subtract(point, F, D);
    field.subtract(D, D, point);
    field.multiply(D, C, D);
    field.multiply(E, y, E);
    field.subtract(y, D, E);
  }
}

function nibbleOf(scalar: usize, index: i32): usize {
  return (load<u8>(scalar + <usize>(index >> 1)) >> (<u8>((index & 1) << 2))) & 15;
}

let p256: Group | null = null;
let p384: Group | null = null;
let p521: Group | null = null;

/** The group of a curve, made when the first key wants it. */
export function groupOf(curve: Curve): Group {
  if (curve == Curve.P256) {
    let group = p256;
    if (group == null) p256 = group = new Group(P256, 8, 32, Hash.Sha256);
    return group;
  }
  if (curve == Curve.P384) {
    let group = p384;
    if (group == null) p384 = group = new Group(P384, 12, 48, Hash.Sha384);
    return group;
  }
  let group = p521;
  if (group == null) p521 = group = new Group(P521, 17, 66, Hash.Sha512);
  return group;
}

// Parameters: SP 800-186, section 3.2.1.

const P256: usize = memory.data<u32>([
  // p
  0xffffffff, 0xffffffff, 0xffffffff, 0x00000000, 0x00000000, 0x00000000, 0x00000001, 0xffffffff,
  // n
  0xfc632551, 0xf3b9cac2, 0xa7179e84, 0xbce6faad, 0xffffffff, 0xffffffff, 0x00000000, 0xffffffff,
  // b
  0x27d2604b, 0x3bce3c3e, 0xcc53b0f6, 0x651d06b0, 0x769886bc, 0xb3ebbd55, 0xaa3a93e7, 0x5ac635d8,
  // x of G
  0xd898c296, 0xf4a13945, 0x2deb33a0, 0x77037d81, 0x63a440f2, 0xf8bce6e5, 0xe12c4247, 0x6b17d1f2,
  // y of G
  0x37bf51f5, 0xcbb64068, 0x6b315ece, 0x2bce3357, 0x7c0f9e16, 0x8ee7eb4a, 0xfe1a7f9b, 0x4fe342e2,
]);

const P384: usize = memory.data<u32>([
  // p
  0xffffffff, 0x00000000, 0x00000000, 0xffffffff, 0xfffffffe, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
  0xffffffff,
  // n
  0xccc52973, 0xecec196a, 0x48b0a77a, 0x581a0db2, 0xf4372ddf, 0xc7634d81, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
  0xffffffff,
  // b
  0xd3ec2aef, 0x2a85c8ed, 0x8a2ed19d, 0xc656398d, 0x5013875a, 0x0314088f, 0xfe814112, 0x181d9c6e, 0xe3f82d19, 0x988e056b, 0xe23ee7e4,
  0xb3312fa7,
  // x of G
  0x72760ab7, 0x3a545e38, 0xbf55296c, 0x5502f25d, 0x82542a38, 0x59f741e0, 0x8ba79b98, 0x6e1d3b62, 0xf320ad74, 0x8eb1c71e, 0xbe8b0537,
  0xaa87ca22,
  // y of G
  0x90ea0e5f, 0x7a431d7c, 0x1d7e819d, 0x0a60b1ce, 0xb5f0b8c0, 0xe9da3113, 0x289a147c, 0xf8f41dbd, 0x9292dc29, 0x5d9e98bf, 0x96262c6f,
  0x3617de4a,
]);

const P521: usize = memory.data<u32>([
  // p
  0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
  0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x000001ff,
  // n
  0x91386409, 0xbb6fb71e, 0x899c47ae, 0x3bb5c9b8, 0xf709a5d0, 0x7fcc0148, 0xbf2f966b, 0x51868783, 0xfffffffa, 0xffffffff, 0xffffffff,
  0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x000001ff,
  // b
  0x6b503f00, 0xef451fd4, 0x3d2c34f1, 0x3573df88, 0x3bb1bf07, 0x1652c0bd, 0xec7e937b, 0x56193951, 0x8ef109e1, 0xb8b48991, 0x99b315f3,
  0xa2da725b, 0xb68540ee, 0x929a21a0, 0x8e1c9a1f, 0x953eb961, 0x00000051,
  // x of G
  0xc2e5bd66, 0xf97e7e31, 0x856a429b, 0x3348b3c1, 0xa2ffa8de, 0xfe1dc127, 0xefe75928, 0xa14b5e77, 0x6b4d3dba, 0xf828af60, 0x053fb521,
  0x9c648139, 0x2395b442, 0x9e3ecb66, 0x0404e9cd, 0x858e06b7, 0x000000c6,
  // y of G
  0x9fd16650, 0x88be9476, 0xa272c240, 0x353c7086, 0x3fad0761, 0xc550b901, 0x5ef42640, 0x97ee7299, 0x273e662c, 0x17afbd17, 0x579b4468,
  0x98f54449, 0x2c7d1bd9, 0x5c8a5fb4, 0x9a3bc004, 0x39296a78, 0x00000118,
]);
