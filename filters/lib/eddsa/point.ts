import { D, field, inverse, root, SIZE, TWICE_D } from "./field";

/**
 * Points of edwards25519 in extended coordinates, each number in Montgomery's form:
 *
 * ```
 *   0   32  64  96  128
 *   | X | Y | Z | T |        x = X/Z, y = Y/Z, x·y = T/Z
 * ```
 *
 * In a point that is *cached*, to be added often, T is multiplied by 2·d. Formulas: Hisil, Wong, Carter and Dawson, "Twisted Edwards Curves
 * Revisited" (2008), sections 3.1 and 3.3; they hold for any two points.
 */
export const POINT_SIZE: usize = 128;

const Y: usize = 32;
const Z: usize = 64;
const T: usize = 96;

/** Numbers at work in one formula. */
const WORK: usize = memory.data(256, 8);
const A: usize = WORK;
const B: usize = WORK + 32;
const C: usize = WORK + 64;
const E: usize = WORK + 96;
const F: usize = WORK + 128;
const G: usize = WORK + 160;
const H: usize = WORK + 192;

export function setNeutral(point: usize): void {
  memory.fill(point, 0, POINT_SIZE);
  field.copy(point + Y, field.one);
  field.copy(point + Z, field.one);
}

/** `out` may be `point`. */
export function double(out: usize, point: usize): void {
  field.multiply(A, point, point);
  field.multiply(B, point + Y, point + Y);
  field.multiply(C, point + Z, point + Z);
  field.add(C, C, C);
  field.add(E, point, point + Y);
  field.multiply(E, E, E);
  field.add(H, A, B);
  field.subtract(E, H, E);
  field.subtract(G, A, B);
  field.add(F, C, G);
  field.multiply(out, E, F);
  field.multiply(out + Y, G, H);
  field.multiply(out + Z, F, G);
  field.multiply(out + T, E, H);
}

/** point + cached. `out` may be `point`. */
export function add(out: usize, point: usize, cached: usize): void {
  field.subtract(A, point + Y, point);
  field.subtract(B, cached + Y, cached);
  field.multiply(A, A, B);
  field.add(B, point + Y, point);
  field.add(C, cached + Y, cached);
  field.multiply(B, B, C);
  field.multiply(C, point + T, cached + T);
  field.multiply(H, point + Z, cached + Z);
  field.add(H, H, H);
  field.subtract(E, B, A);
  field.subtract(F, H, C);
  field.add(G, H, C);
  field.add(H, B, A);
  field.multiply(out, E, F);
  field.multiply(out + Y, G, H);
  field.multiply(out + Z, F, G);
  field.multiply(out + T, E, H);
}

/** Multiplies T, so that the point can be added. */
export function cache(point: usize): void {
  field.multiply(point + T, point + T, TWICE_D);
}

/** -point. */
export function negate(point: usize): void {
  const zero = A;
  memory.fill(zero, 0, SIZE);
  field.subtract(point, zero, point);
  field.subtract(point + T, zero, point + T);
}

/**
 * The point that the 32 bytes at `encoded` mean (RFC 8032, section 5.1.3). `false` where they mean none, or mean it in another than the shortest way
 * (y not below p, or a negative 0).
 */
export function decode(out: usize, encoded: usize): bool {
  const sign = load<u8>(encoded, 31) >> 7;
  const y = out + Y;
  memory.copy(y, encoded, SIZE);
  store<u8>(y, load<u8>(y, 31) & 0x7f, 31);
  if (!field.contains(y)) return false;
  field.enter(y, y);
  field.copy(out + Z, field.one);
  const numerator = A;
  const denominator = B;
  field.multiply(denominator, y, y);
  field.subtract(numerator, denominator, field.one);
  field.multiply(denominator, denominator, D);
  field.add(denominator, denominator, field.one);
  if (!root(out, numerator, denominator)) return false;
  field.leave(C, out);
  if (field.isZero(C) && sign != 0) return false;
  if ((load<u8>(C) & 1) != sign) {
    memory.fill(C, 0, SIZE);
    field.subtract(out, C, out);
  }
  field.multiply(out + T, out, y);
  return true;
}

/** The 32 bytes of a point (RFC 8032, section 5.1.2). */
export function encode(out: usize, point: usize): void {
  inverse(A, point + Z);
  field.multiply(B, point, A);
  field.leave(B, B);
  field.multiply(C, point + Y, A);
  field.leave(out, C);
  store<u8>(out, load<u8>(out, 31) | (load<u8>(B) << 7), 31);
}
