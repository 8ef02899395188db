import { Bytes } from "../bytes";

// One bit a byte for 0x20 to 0x7f: the `tchar` of RFC 9110, section 5.6.2.
const TOKEN_20: u32 = 0x03ff6cfa;
const TOKEN_40: u32 = 0xc7fffffe;
const TOKEN_60: u32 = 0x57ffffff;

/** Whether `text` is a `token` (RFC 9110, section 5.6.2): one or more letters, digits and `` !#$%&'*+-.^_`|~ ``. */
export function isToken(text: Bytes): bool {
  if (text.length == 0) return false;
  for (let i = 0; i < text.length; i++) {
    if (!isTokenCharacter(text[i])) return false;
  }
  return true;
}

/** Whether `name` may name a header (RFC 9110, section 5.1). Pseudo-headers such as `:path` may not. */
export function isHeaderName(name: Bytes): bool {
  return isToken(name);
}

/** Whether `method` may be a request method (RFC 9110, section 9.1). Methods are case-sensitive. */
export function isMethod(method: Bytes): bool {
  return isToken(method);
}

/**
 * Whether `value` may be the value of a header (RFC 9110, section 5.5): no NUL, CR, LF (CVE-2019-9900, CVE-2023-27493), nor another
 * control character but the tab. Bytes from 0x80 on and the empty value are allowed, as Envoy allows them.
 */
export function isHeaderValue(value: Bytes): bool {
  for (let i = 0; i < value.length; i++) {
    const byte = value[i];
    if ((byte < 0x20 && byte != 0x09) || byte == 0x7f) return false;
  }
  return true;
}

function isTokenCharacter(byte: u8): bool {
  const bit: u32 = 1 << ((<u32>byte) & 31);
  switch (byte >> 5) {
    case 1:
      return (TOKEN_20 & bit) != 0;
    case 2:
      return (TOKEN_40 & bit) != 0;
    case 3:
      return (TOKEN_60 & bit) != 0;
    default:
      return false;
  }
}
