/**
 * Where hostcalls write what they return: up to three words (`pointer`, `size`, `cas`), or one 64-bit number. One area is enough:
 * its content is read before the next hostcall is made.
 */
export const RESULT: usize = memory.data(16, 8);

// @ts-ignore: decorator
@inline
export function resultPointer(): usize {
  return load<usize>(RESULT);
}

// @ts-ignore: decorator
@inline
export function resultSize(): i32 {
  return load<i32>(RESULT, 4);
}

// @ts-ignore: decorator
@inline
export function resultU32(): u32 {
  return load<u32>(RESULT);
}

// @ts-ignore: decorator
@inline
export function resultU64(): u64 {
  return load<u64>(RESULT);
}
