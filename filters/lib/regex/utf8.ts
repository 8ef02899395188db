import { Op, Program } from "./program";

/** A set that can match nothing needs an instruction that matches nothing. */
const NOTHING_LOW: u8 = 1;
const NOTHING_HIGH: u8 = 0;

/** The last code point of each length of UTF-8. */
const LAST: StaticArray<u32> = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/**
 * Compiles a set of code points to alternatives of byte sequences, going on to `next`. What is not UTF-8 matches no set, `.` neither, as in RE2.
 * Surrogates are not in UTF-8, so they are cut out.
 */
export function addUtf8(program: Program, ranges: u32[], next: u16): u16 {
  let entry: u16 = 0;
  let any = false;
  for (let i = ranges.length - 2; i >= 0; i -= 2) {
    let first = ranges[i];
    const last = ranges[i + 1];
    // One piece for each length of the encoding, and none in U+D800 to U+DFFF.
    for (let length = 0; length < 4; length++) {
      const end = min(last, LAST[length]);
      if (first > end) continue;
      const start = first;
      first = end + 1;
      if (length == 2) {
        if (start < 0xd800) {
          entry = alternative(program, start, min<u32>(end, 0xd7ff), 3, next, entry, any);
          any = true;
        }
        if (end > 0xdfff) {
          entry = alternative(program, max<u32>(start, 0xe000), end, 3, next, entry, any);
          any = true;
        }
      } else {
        entry = alternative(program, start, end, length + 1, next, entry, any);
        any = true;
      }
    }
  }
  return any ? entry : program.emit(Op.Byte, NOTHING_LOW, NOTHING_HIGH, next, 0);
}

function alternative(program: Program, first: u32, last: u32, length: i32, next: u16, entry: u16, any: bool): u16 {
  const sequence = encode(program, first, last, length, next);
  return any ? program.emit(Op.Split, 0, 0, sequence, entry) : sequence;
}

/** Byte sequences for `first` to `last`, both encoded in `length` bytes. Splits until each trailing byte is one fixed value or the full range. */
function encode(program: Program, first: u32, last: u32, length: i32, next: u16): u16 {
  if (program.tooLarge) return 0;
  for (let trailing = 1; trailing < length; trailing++) {
    const mask: u32 = (1 << (6 * trailing)) - 1;
    if ((first & ~mask) == (last & ~mask)) continue;
    if ((first & mask) != 0) return split(program, first, first | mask, last, length, next);
    if ((last & mask) != mask) return split(program, first, (last & ~mask) - 1, last, length, next);
  }
  let entry = next;
  for (let trailing = 0; trailing < length - 1; trailing++) {
    const shift = 6 * trailing;
    entry = program.emit(Op.Byte, <u8>(0x80 | ((first >> shift) & 0x3f)), <u8>(0x80 | ((last >> shift) & 0x3f)), entry, 0);
  }
  const shift = 6 * (length - 1);
  const mark: u32 = length == 1 ? 0 : length == 2 ? 0xc0 : length == 3 ? 0xe0 : 0xf0;
  return program.emit(Op.Byte, <u8>(mark | (first >> shift)), <u8>(mark | (last >> shift)), entry, 0);
}

function split(program: Program, first: u32, middle: u32, last: u32, length: i32, next: u16): u16 {
  const left = encode(program, first, middle, length, next);
  return program.emit(Op.Split, 0, 0, left, encode(program, middle + 1, last, length, next));
}
