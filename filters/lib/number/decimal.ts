/** `value` in decimal, as a managed string: for messages. `toString` of a number would put tables of 2 KB into every module. */
export function decimal(value: i64): string {
  let text = "";
  let rest: u64 = value < 0 ? 0 - <u64>value : <u64>value;
  do {
    text = String.fromCharCode(0x30 + <i32>(rest % 10)) + text;
    rest /= 10;
  } while (rest != 0);
  return value < 0 ? "-" + text : text;
}
