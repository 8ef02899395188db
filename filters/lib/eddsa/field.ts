import { Modulus } from "../montgomery";

/** Limbs and bytes of a number. */
export const LIMBS: i32 = 8;
export const SIZE: usize = 32;

/** p = 2^255 - 19 (RFC 8032, section 5.1). */
export const field: Modulus = new Modulus(
  memory.data<u32>([0xffff_ffed, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0x7fff_ffff]),
  LIMBS,
);

/** L, the order of the base point: 2^252 + 27742317777372353535851937790883648493. */
export const order: Modulus = new Modulus(
  memory.data<u32>([0x5cf5_d3ed, 0x5812_631a, 0xa2f7_9cd6, 0x14de_f9de, 0, 0, 0, 0x1000_0000]),
  LIMBS,
);

/** d = -121665/121666, the curve's constant. */
export const D: usize = entered(
  memory.data<u32>([0x1359_78a3, 0x75eb_4dca, 0x4141_d8ab, 0x0070_0a4d, 0x7779_e898, 0x8cc7_4079, 0x2b6f_fe73, 0x5203_6cee]),
);

/** 2·d. */
export const TWICE_D: usize = twice(D);

/** A square root of -1: 2^((p-1)/4). */
const ROOT_OF_MINUS_ONE: usize = entered(
  memory.data<u32>([0x4a0e_a0b0, 0xc4ee_1b27, 0xad2f_e478, 0x2f43_1806, 0x3dfb_d7a7, 0x2b4d_0099, 0x4fc1_df0b, 0x2b83_2480]),
);

/** (p-5)/8, and p-2. */
const ROOT_EXPONENT: usize = memory.data<u32>([
  0xffff_fffd, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0x0fff_ffff,
]);
const INVERSE_EXPONENT: usize = memory.data<u32>([
  0xffff_ffeb, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0x7fff_ffff,
]);

/** Numbers at work in {@link root} and {@link inverse}. */
const WORK: usize = memory.data(128, 8);

function entered(number: usize): usize {
  field.enter(number, number);
  return number;
}

function twice(number: usize): usize {
  const out = memory.data(32, 8);
  field.add(out, number, number);
  return out;
}

/** A root of numerator/denominator, by RFC 8032, section 5.1.3; `false` where there is none. All in Montgomery's form. */
export function root(out: usize, numerator: usize, denominator: usize): bool {
  const cube = WORK;
  const seventh = WORK + SIZE;
  const square = WORK + 2 * SIZE;
  field.multiply(cube, denominator, denominator);
  field.multiply(cube, cube, denominator);
  field.multiply(seventh, cube, cube);
  field.multiply(seventh, seventh, denominator);
  field.multiply(seventh, seventh, numerator);
  field.power(out, seventh, ROOT_EXPONENT, LIMBS);
  field.multiply(out, out, cube);
  field.multiply(out, out, numerator);

  field.multiply(square, out, out);
  field.multiply(square, square, denominator);
  if (field.equals(square, numerator)) return true;
  field.add(square, square, numerator);
  if (!field.isZero(square)) return false;
  field.multiply(out, out, ROOT_OF_MINUS_ONE);
  return true;
}

/** 1/number, in Montgomery's form; 0 of 0. */
export function inverse(out: usize, number: usize): void {
  field.copy(WORK, number);
  field.power(out, WORK, INVERSE_EXPONENT, LIMBS);
}
