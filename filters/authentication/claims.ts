import { encodeBase64 } from "../lib/base64";
import { JsonKind, JsonValue } from "../lib/json";
import { formatInteger, parsedFixed, parseFixed } from "../lib/number";
import { arena, Bytes, Text } from "../sdk";

const TRUE = Bytes.of("true");
const FALSE = Bytes.of("false");
const MILLION: i64 = 1_000_000;

/** The claim at the end of `path`, or `null`. */
export function claimAt(payload: JsonValue, path: StaticArray<Text>): JsonValue | null {
  let value: JsonValue | null = payload;
  for (let i = 0; i < path.length && value != null; i++) value = value.member(unchecked(path[i]).bytes);
  return value;
}

/**
 * A claim as the value of a header, as Envoy writes it: text as it is, integers in decimal, other numbers with six decimals, lists and objects as
 * base64 of their JSON. `null`, and no header, for null, an empty text, and a number beyond 63 bits.
 */
export function claimValue(claim: JsonValue, source: Bytes): Bytes | null {
  switch (claim.kind) {
    case JsonKind.String:
      return claim.textLength > 0 ? claim.text : null;
    case JsonKind.Number:
      return numberValue(claim.text);
    case JsonKind.True:
      return TRUE;
    case JsonKind.False:
      return FALSE;
    case JsonKind.Array:
    case JsonKind.Object:
      return encodeBase64(compact(source.slice(claim.start, claim.end)));
    default:
      return null;
  }
}

function numberValue(text: Bytes): Bytes | null {
  const whole = parseFixed(text, 0);
  if (!parsedFixed()) return null;
  const millionths = parseFixed(text, 6);
  // Beyond 2^53 a double has no fraction either.
  if (!parsedFixed() || millionths == whole * MILLION) return formatInteger(whole);
  const integer = formatInteger(millionths / MILLION);
  const negative = millionths < 0;
  const start = arena.allocate(<usize>(integer.length + 8));
  let at = start;
  if (negative && integer[0] != 0x2d) store<u8>(at++, 0x2d);
  memory.copy(at, integer.pointer, <usize>integer.length);
  at += <usize>integer.length;
  store<u8>(at++, 0x2e);
  let rest = millionths % MILLION;
  if (rest < 0) rest = -rest;
  for (let unit: i64 = 100_000; unit > 0; unit /= 10) store<u8>(at++, 0x30 + <u8>((rest / unit) % 10));
  return Bytes.view(start, <i32>(at - start));
}

/** JSON without the white space between its values. */
function compact(json: Bytes): Bytes {
  const start = arena.allocate(<usize>json.length);
  let at = start;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (byte == 0x22) quoted = !quoted;
    if (!quoted && (byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d)) continue;
    store<u8>(at++, byte);
    if (quoted && byte == 0x5c && i + 1 < json.length) store<u8>(at++, json[++i]);
  }
  return Bytes.view(start, <i32>(at - start));
}
