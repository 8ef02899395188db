import { Bytes } from "../bytes";

/**
 * Whether `scheme` is the same scheme as `name`. Letter case does not count (RFC 3986, section 3.1): Envoy once compared it and let
 * `HTTPS` past rules for `https` (CVE-2023-35944).
 */
export function isScheme(scheme: Bytes, name: Bytes): bool {
  return scheme.equalsIgnoreCase(name);
}

/** The port that a scheme implies: 80 for http, 443 for https in any letter case, -1 for every other scheme. */
export function defaultPort(scheme: Bytes): i32 {
  if (scheme.length < 4 || scheme.length > 5) return -1;
  const http = (scheme[0] | 0x20) == 0x68 && (scheme[1] | 0x20) == 0x74 && (scheme[2] | 0x20) == 0x74 && (scheme[3] | 0x20) == 0x70;
  if (!http) return -1;
  if (scheme.length == 4) return 80;
  return (scheme[4] | 0x20) == 0x73 ? 443 : -1;
}

/** Whether `scheme` is well formed: a letter, then letters, digits, `+`, `-` and `.` (RFC 3986, section 3.1). */
export function isValidScheme(scheme: Bytes): bool {
  if (scheme.length == 0 || !isLetter(scheme[0])) return false;
  for (let i = 1; i < scheme.length; i++) {
    const byte = scheme[i];
    const allowed = isLetter(byte) || <u8>(byte - 0x30) < 10 || byte == 0x2b || byte == 0x2d || byte == 0x2e;
    if (!allowed) return false;
  }
  return true;
}

function isLetter(byte: u8): bool {
  return <u8>((byte | 0x20) - 0x61) < 26;
}
