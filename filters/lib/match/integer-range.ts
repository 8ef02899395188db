import { Bytes } from "../bytes";
import { parsedInteger, parseInteger } from "../number";

const PLUS: u8 = 0x2b;
const MINUS: u8 = 0x2d;

/**
 * A range of whole numbers, the start included and the end not, for values such as `content-length`: Envoy's `range_match` with its
 * `Int64Range`. A value that is no whole decimal number in 64 bits is in no range.
 */
@final
export class IntegerRange {
  constructor(
    readonly start: i64,
    readonly end: i64,
  ) {}

  /** Whether `value` is a decimal number within. Spaces around it and one sign are allowed, as Envoy allows them. */
  matches(value: Bytes): bool {
    let text = value.trim();
    if (text.length > 1 && text[0] == PLUS && text[1] != MINUS) text = text.slice(1);
    const number = parseInteger(text);
    return parsedInteger() && this.start <= number && number < this.end;
  }
}
